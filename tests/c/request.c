/*
 * Any other call of the API: with the session's token, retried if that is safe, and never to
 * another origin.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

#define ENDPOINT "/api/v1/endpoint"
#define SIM "/api/v1/sim"

/* Makes a call without options and ignores the response. */
static int32_t request(const emnify_client *client, const char *method, const char *path,
                       emnify_error **error)
{
    emnify_response *response = NULL;
    int32_t status = emnify_request(client, method, path, NULL, &response, error);

    CHECK((response == NULL) == (status != EMNIFY_OK));
    emnify_response_free(response);
    return status;
}

/* Makes a call with a JSON body. */
static int32_t send_json(const emnify_client *client, const char *method, const char *path,
                         const char *json, emnify_response **response, emnify_error **error)
{
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;

    options.body = json;
    options.body_length = strlen(json);
    return emnify_request(client, method, path, &options, response, error);
}

/* Whether the sandbox's log contains this text. */
static int logged(const char *text)
{
    static char log[65536];

    sandbox_request("GET", "/requests", "", log, sizeof log);
    return strstr(log, text) != NULL;
}

static void a_resource_is_created_read_changed_and_removed(void)
{
    static const char gateway[] = "{\"name\":\"gateway\",\"status\":{\"id\":0},"
                                  "\"service_profile\":{\"id\":1},\"tariff_profile\":{\"id\":2}}";
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    const char *base_url = sandbox_variable("EMNIFY_BASE_PATH");
    const char *location;
    char path[256];
    size_t length = 77;

    CHECK_OK(send_json(client, "POST", ENDPOINT, gateway, &response, &error));
    CHECK_NUMBER(emnify_response_status(response), 201);
    location = emnify_response_header(response, "lOcAtIoN");
    CHECK(location != NULL && strncmp(location, base_url, strlen(base_url)) == 0);
    snprintf(path, sizeof path, "%s", location + strlen(base_url));
    CHECK(strncmp(path, ENDPOINT "/", strlen(ENDPOINT "/")) == 0);
    CHECK_TEXT(emnify_response_body(response, &length), "");
    CHECK_NUMBER(length, 0);
    emnify_response_free(response);

    CHECK_OK(send_json(client, "PATCH", path, "{\"name\":\"renamed\"}", &response, &error));
    CHECK_NUMBER(emnify_response_status(response), 204);
    emnify_response_free(response);

    CHECK_OK(emnify_request(client, "get", path, NULL, &response, &error));
    emnify_client_free(client);
    /* The response outlives the client. */
    CHECK_NUMBER(emnify_response_status(response), 200);
    CHECK(strstr(emnify_response_body(response, &length), "\"name\":\"renamed\"") != NULL);
    CHECK_NUMBER(strlen(emnify_response_body(response, NULL)), length);
    CHECK(strstr(emnify_response_header(response, "Content-Type"), "json") != NULL);
    CHECK(emnify_response_header(response, "X-Nothing") == NULL);
    CHECK(emnify_response_header(response, "no name") == NULL);
    CHECK(emnify_response_header(response, "\xff") == NULL);
    CHECK(emnify_response_header(response, NULL) == NULL);
    emnify_response_free(response);

    client = sandbox_client();
    CHECK_OK(request(client, "DELETE", path, &error));
    CHECK_NUMBER(request(client, "GET", path, &error), EMNIFY_ERR_NOT_FOUND);
    CHECK_NUMBER(emnify_error_http_status(error), 404);
    CHECK(strstr(emnify_error_message(error), path) != NULL);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_NOT_FOUND, "cannot GET /api/v1/endpoint/");
    emnify_client_free(client);
}

static void a_query_in_the_path_or_the_options_and_headers_are_sent(void)
{
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_pair query[] = {{"page", "2"}, {"note", "a b&\xc3\xa4"}};
    emnify_pair headers[] = {{"X-Trace", "7"}, {"X-Empty", ""}};

    options.query = query;
    options.query_size = 2;
    options.headers = headers;
    options.headers_size = 2;
    CHECK_OK(emnify_request(client, "GET", SIM "?per_page=5", &options, &response, &error));
    CHECK_TEXT(emnify_response_header(response, "X-Count"), "5");
    CHECK_TEXT(emnify_response_header(response, "X-Current-Page"), "2");
    CHECK(logged("\"per_page=5&page=2&note=a+b%26%C3%A4\""));
    CHECK(logged("[\"x-trace\",\"7\"]"));
    CHECK(logged("[\"x-empty\",\"\"]"));
    emnify_response_free(response);
    emnify_client_free(client);
}

static void a_call_takes_no_longer_than_its_timeout(void)
{
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    double started = check_clock();

    sandbox_fault("{\"path\": \"" SIM "\", \"kind\": \"delay\", \"times\": 1,"
                  " \"milliseconds\": 3000}");
    options.timeout_ms = 300;
    CHECK_ERROR(emnify_request(client, "GET", SIM, &options, &response, &error),
                EMNIFY_ERR_TIMEOUT, "cannot GET ");
    CHECK(check_clock() - started < 1 + check_slowness());
    options.timeout_ms = UINT64_MAX;
    CHECK_OK(emnify_request(client, "GET", SIM, &options, &response, &error));
    emnify_response_free(response);
    emnify_client_free(client);
}

static void a_body_is_sent_unchanged_and_as_json_by_default(void)
{
    static const char body[] = "{\"name\":\"renamed\"} and more";
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_pair type = {"Content-Type", "application/json; charset=latin1"};

    options.body = body;
    options.body_length = strlen("{\"name\":\"renamed\"}");
    CHECK_OK(emnify_request(client, "PATCH", ENDPOINT "/100001", &options, &response, &error));
    emnify_response_free(response);
    CHECK(logged("[\"content-type\",\"application/json\"]"));
    CHECK(logged("[\"content-length\",\"18\"]"));

    options.headers = &type;
    options.headers_size = 1;
    CHECK_OK(emnify_request(client, "PATCH", ENDPOINT "/100001", &options, &response, &error));
    emnify_response_free(response);
    CHECK(logged("[\"content-type\",\"application/json; charset=latin1\"]"));

    /* An empty body is sent, but is not JSON. */
    options.body_length = 0;
    CHECK_ERROR(emnify_request(client, "PATCH", ENDPOINT "/100001", &options, &response, &error),
                EMNIFY_ERR_VALIDATION, "cannot PATCH");
    emnify_client_free(client);
}

static void a_response_may_contain_any_bytes(void)
{
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    size_t length = 0;

    sandbox_fault("{\"path\": \"" SIM "\", \"times\": 1, \"kind\": \"status\", \"status\": 200,"
                  " \"content_type\": \"text/plain\", \"body\": \"a\\u0000b\","
                  " \"headers\": {\"X-Odd\": \"first\"}}");
    CHECK_OK(emnify_request(client, "GET", SIM, NULL, &response, &error));
    CHECK(memcmp(emnify_response_body(response, &length), "a\0b", 4) == 0);
    CHECK_NUMBER(length, 3);
    CHECK_TEXT(emnify_response_header(response, "Content-Type"), "text/plain");
    CHECK_TEXT(emnify_response_header(response, "x-odd"), "first");
    emnify_response_free(response);
    emnify_client_free(client);
}

static int32_t with_header(const emnify_client *client, const char *name, const char *value,
                           emnify_error **error)
{
    emnify_response *response = NULL;
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_pair header;

    header.name = name;
    header.value = value;
    options.headers = &header;
    options.headers_size = 1;
    return emnify_request(client, "GET", SIM, &options, &response, error);
}

static void the_token_is_never_sent_to_another_origin(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    CHECK_REFUSED(request(client, "GET", "//evil.example/", &error), "path");
    CHECK_REFUSED(request(client, "GET", "https://evil.example/", &error), "path");
    CHECK_REFUSED(request(client, "GET", "/api/../../x", &error), "path");
    CHECK_REFUSED(request(client, "GET", "/api/%2e%2E/x", &error), "path");
    CHECK_REFUSED(request(client, "GET", "/api\\v1", &error), "path");
    CHECK_REFUSED(request(client, "GET", "/x\r\nHost: evil.example", &error), "path");
    CHECK_REFUSED(request(client, "GET", "/\xff", &error), "path");
    CHECK_REFUSED(request(client, "GET", "", &error), "path");
    CHECK_REFUSED(with_header(client, "Authorization", "Bearer canary", &error), "headers");
    CHECK_REFUSED(with_header(client, "host", "evil.example", &error), "headers");
    CHECK_REFUSED(with_header(client, "Transfer-Encoding", "chunked", &error), "headers");
    CHECK_REFUSED(with_header(client, "X-Fine", "canary\r\nX-Other: canary", &error), "headers");
    CHECK_REFUSED(with_header(client, "X-Fine: x\r\nX-Other", "canary", &error), "headers");
    CHECK_NUMBER(sandbox_calls("", ""), 0);

    sandbox_fault("{\"path\": \"" SIM "\", \"kind\": \"status\", \"status\": 302,"
                  " \"headers\": {\"Location\": \"https://evil.example/\"}}");
    CHECK_ERROR(request(client, "GET", SIM, &error), EMNIFY_ERR_PROTOCOL, "cannot GET");
    emnify_client_free(client);
}

static void invalid_requests_are_refused_by_name(void)
{
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_pair pair = {"name", "\xff"};

    CHECK_REFUSED(request(client, "BREW", SIM, &error), "method");
    CHECK_REFUSED(request(client, "", SIM, &error), "method");
    CHECK_REFUSED(request(client, "\xff", SIM, &error), "method");
    CHECK_REFUSED(with_header(client, NULL, "x", &error), "headers");
    CHECK_REFUSED(with_header(client, "X-Fine", NULL, &error), "headers");
    CHECK_REFUSED(with_header(client, "X-Fine", "\xff", &error), "headers");
    options.query_size = 1;
    CHECK_REFUSED(emnify_request(client, "GET", SIM, &options, &response, &error), "query");
    options.query = &pair;
    CHECK_REFUSED(emnify_request(client, "GET", SIM, &options, &response, &error), "query");
    options.query_size = SIZE_MAX;
    CHECK_REFUSED(emnify_request(client, "GET", SIM, &options, &response, &error), "query");
    options.query_size = 0;
    options.headers_size = 1;
    CHECK_REFUSED(emnify_request(client, "GET", SIM, &options, &response, &error), "headers");
    options.headers_size = 0;
    options.body_length = 1;
    CHECK_REFUSED(emnify_request(client, "PUT", SIM, &options, &response, &error), "body");
    options.body = "x";
    options.body_length = SIZE_MAX;
    CHECK_REFUSED(emnify_request(client, "PUT", SIM, &options, &response, &error), "body");
    options.size = sizeof options.size;
    CHECK_REFUSED(emnify_request(client, "GET", SIM, &options, &response, &error), "options");
    options.size = SIZE_MAX;
    CHECK_REFUSED(emnify_request(client, "GET", SIM, &options, &response, &error), "options");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    CHECK(response == NULL);
    emnify_client_free(client);
}

static void options_of_an_earlier_header_are_completed(void)
{
    /* As if the options had ended here. */
    struct earlier {
        size_t size;
        const emnify_pair *query;
        size_t query_size;
    };
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    emnify_pair one = {"per_page", "1"};
    /* On the heap, so that valgrind sees a read beyond its end. */
    struct earlier *options = malloc(sizeof *options);

    options->size = sizeof *options;
    options->query = &one;
    options->query_size = 1;
    CHECK_OK(emnify_request(client, "GET", SIM, (const emnify_request_options *)(void *)options,
                            &response, &error));
    CHECK_NUMBER(sandbox_calls("GET", SIM), 1);
    free(options);
    emnify_response_free(response);
    emnify_client_free(client);
}

/* Returns how long ten lists take. */
static double ten_lists(int pacing)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    emnify_client *client;
    double start;
    int i;

    CHECK_OK(emnify_config_set_pacing(config, pacing, &error));
    client = client_of(config);
    CHECK_OK(authenticate(client, &error));
    start = check_clock();
    for (i = 0; i < 10; i++) {
        CHECK_OK(request(client, "GET", SIM "?per_page=1", &error));
    }
    emnify_client_free(client);
    return check_clock() - start;
}

static void calls_are_paced_unless_pacing_is_off(void)
{
    /* Five are allowed at once. */
    CHECK(ten_lists(1) > 0.45);
    CHECK(ten_lists(0) < 0.45 * check_slowness());
}

int main(void)
{
    RUN(a_resource_is_created_read_changed_and_removed);
    RUN(a_query_in_the_path_or_the_options_and_headers_are_sent);
    RUN(a_call_takes_no_longer_than_its_timeout);
    RUN(a_body_is_sent_unchanged_and_as_json_by_default);
    RUN(a_response_may_contain_any_bytes);
    RUN(the_token_is_never_sent_to_another_origin);
    RUN(invalid_requests_are_refused_by_name);
    RUN(options_of_an_earlier_header_are_completed);
    RUN(calls_are_paced_unless_pacing_is_off);
    return check_report();
}
