/*
 * A server that fails: a fault must come back as its kind of error, within the time limit,
 * and tell no secret; the next call works again.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

/* Each of the attempts, until cleared; and the next one. */
#define AT_SIGN_IN "{\"path\": \"/api/v1/authenticate\", "
#define AT_AUTHENTICATE "{\"path\": \"/api/v1/authenticate\", \"times\": 1, "
#define AT_CREATE "{\"path\": \"/api/v1/application_token\", \"method\": \"POST\", \"times\": 1, "
/* Longer than anybody here waits. */
#define LATER "\"headers\": {\"Retry-After\": \"70\"}}"

/* The first error that the observer was told of. */
struct first {
    int32_t code;
    int http_status;
};

static void note_first(void *user, const emnify_event *event)
{
    struct first *first = user;
    const emnify_error *error = emnify_event_error(event);

    if (first->code == EMNIFY_OK && error != NULL) {
        first->code = emnify_error_code(error);
        first->http_status = emnify_error_http_status(error);
    }
}

/* A new client meets this fault, and the next one does not. What may pass by itself is tried again
 * as long as there is time, so there is little, and the last try may run out of it. */
static void meet(const char *fault, int32_t expected, int http_status)
{
    struct first first = {EMNIFY_OK, 0};
    emnify_error *error = NULL;
    int passes = expected == EMNIFY_ERR_SERVER || expected == EMNIFY_ERR_NETWORK;
    emnify_config *config = hasty_config(passes ? 1000 : 20000);
    emnify_client *client;
    int32_t status;

    CHECK_OK(emnify_config_set_observer(config, note_first, &first, &error));
    client = client_of(config);
    sandbox_reset();
    sandbox_fault(fault);
    status = authenticate(client, &error);
    CHECK_NUMBER(first.code, expected);
    CHECK_NUMBER(first.http_status, http_status);
    if (first.code != expected || (status != expected && status != EMNIFY_ERR_TIMEOUT)) {
        printf("  %s: %s\n", fault, emnify_error_message(error));
    }
    CHECK_ERROR(status, passes && status == EMNIFY_ERR_TIMEOUT ? status : expected,
                "cannot sign in");
    emnify_client_free(client);
    sandbox_clear_faults();
    client = sandbox_client();
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

/* Which fault is of which kind, core tests; here each reaches the caller and the observer. */
static void faults_of_four_kinds(void)
{
    meet(AT_SIGN_IN "\"kind\": \"status\", \"status\": 409}", EMNIFY_ERR_CONFLICT, 409);
    meet(AT_SIGN_IN "\"kind\": \"status\", \"status\": 503, " LATER,
         EMNIFY_ERR_SERVER, 503);
    meet(AT_SIGN_IN "\"kind\": \"invalid_json\"}", EMNIFY_ERR_PROTOCOL, 0);
    meet(AT_SIGN_IN "\"kind\": \"reset_before\"}", EMNIFY_ERR_NETWORK, 0);
}

static void a_refused_connection(void)
{
    emnify_error *error = NULL;
    emnify_client *client = hasty_client(1000);

    sandbox_fault("{\"kind\": \"refuse\"}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_NETWORK);
    CHECK(emnify_error_is_retryable(error));
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_NETWORK, "cannot sign in");
    emnify_client_free(client);
    sandbox_clear_faults();
    client = sandbox_client();
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

static void a_fault_that_passes_is_not_noticed(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    /* Each wait is five and ten seconds at most. */
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 503}");
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"reset_before\"}");
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 3);
    emnify_client_free(client);
}

/* The call must end soon after the timeout of half a second. */
static void end_in_time(const char *fault)
{
    emnify_error *error = NULL;
    emnify_client *client = hasty_client(500);
    double start;

    sandbox_reset();
    sandbox_fault(fault);
    start = check_clock();
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_TIMEOUT, "cannot sign in");
    CHECK(check_clock() - start >= 0.4 * check_slowness());
    CHECK(check_clock() - start < 2 * check_slowness());
    emnify_client_free(client);
}

static void answers_that_do_not_come(void)
{
    end_in_time(AT_AUTHENTICATE "\"kind\": \"endless_body\"}");
    end_in_time(AT_AUTHENTICATE "\"kind\": \"delay\", \"milliseconds\": 30000}");
}

static void a_server_that_nobody_vouches_for(void)
{
    emnify_error *error = NULL;
    emnify_client *client;
    emnify_config *config = sandbox_config();

    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("OTHER_CA_FILE"), &error));
    client = client_of(config);
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_TLS);
    CHECK(!emnify_error_is_retryable(error));
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_TLS, "cannot sign in");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    emnify_client_free(client);
}

/* The wait that was demanded and up to a fifth of it, less what has passed since. */
static void check_wait(const emnify_error *error, int64_t milliseconds)
{
    CHECK(emnify_error_retry_after_ms(error) <= milliseconds * 6 / 5);
    CHECK(emnify_error_retry_after_ms(error) > milliseconds - 1000 * (int64_t)check_slowness());
    CHECK(emnify_error_is_retryable(error));
}

static void how_long_to_wait(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 429, " LATER);
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_RATE_LIMITED);
    check_wait(error, 70000);
    CHECK_NUMBER(emnify_error_http_status(error), 429);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_RATE_LIMITED, "cannot sign in");

    /* Held back: the same error at once, and nothing is sent. */
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_RATE_LIMITED);
    check_wait(error, 70000);
    CHECK(strstr(emnify_error_message(error), "the next attempt") != NULL);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_RATE_LIMITED, "cannot sign in");
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);

    client = sandbox_client();
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 401, \"body\":"
                                  " \"{\\\"error_code\\\":1105,"
                                  "\\\"error_token\\\":\\\"TooManyRequests\\\"}\"}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_LOCKED);
    check_wait(error, 300000);
    CHECK_NUMBER(emnify_error_api_code(error), 1105);
    CHECK_TEXT(emnify_error_api_name(error), "TooManyRequests");
    CHECK_TEXT(emnify_error_api_message(error), NULL);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_LOCKED, "cannot sign in");
    emnify_client_free(client);
}

static void a_copy_of_an_error_says_the_same(void)
{
    emnify_error *error = NULL;
    emnify_error *copy;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_SIGN_IN "\"kind\": \"echo_secrets\"}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_VALIDATION);
    copy = emnify_error_copy(error);
    CHECK(copy != error);
    CHECK_TEXT(emnify_error_message(copy), emnify_error_message(error));
    CHECK_NUMBER(emnify_error_nested_size(copy), emnify_error_nested_size(error));
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_VALIDATION, "cannot sign in");
    /* It outlives what it was made of. */
    CHECK_TEXT(emnify_error_nested_name(copy, 0), "InvalidReference");
    check_error(&copy, EMNIFY_ERR_VALIDATION, EMNIFY_ERR_VALIDATION, "cannot sign in", __FILE__,
                __LINE__);
    emnify_client_free(client);
}

static void nested_messages(void)
{
    emnify_error *error = NULL;
    emnify_created_token *created = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_CREATE "\"kind\": \"status\", \"status\": 422, \"body\":"
        " \"{\\\"error_code\\\":1400,\\\"error_token\\\":\\\"InputValidationFailed\\\","
        "\\\"message\\\":\\\"Bad\\\",\\\"errors\\\":[{\\\"error_code\\\":1402,"
        "\\\"error_token\\\":\\\"Required\\\",\\\"message\\\":\\\"name\\\","
        "\\\"errors\\\":[{\\\"message\\\":\\\"deeper\\\"}]},"
        "{\\\"message\\\":\\\"last\\\"}]}\"}");
    CHECK_NUMBER(emnify_token_create(client, NULL, &created, &error), EMNIFY_ERR_VALIDATION);
    CHECK(created == NULL);
    CHECK_NUMBER(emnify_error_http_status(error), 422);
    CHECK_NUMBER(emnify_error_retry_after_ms(error), -1);
    CHECK_NUMBER(emnify_error_api_code(error), 1400);
    CHECK_TEXT(emnify_error_api_name(error), "InputValidationFailed");
    CHECK_TEXT(emnify_error_api_message(error), "Bad");
    CHECK_NUMBER(emnify_error_nested_size(error), 3);
    CHECK_NUMBER(emnify_error_nested_code(error, 0), 1402);
    CHECK_TEXT(emnify_error_nested_name(error, 0), "Required");
    CHECK_TEXT(emnify_error_nested_message(error, 0), "name");
    CHECK_NUMBER(emnify_error_nested_code(error, 1), 0);
    CHECK_TEXT(emnify_error_nested_name(error, 1), NULL);
    CHECK_TEXT(emnify_error_nested_message(error, 1), "deeper");
    CHECK_TEXT(emnify_error_nested_message(error, 2), "last");
    CHECK_TEXT(emnify_error_nested_message(error, 3), NULL);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_VALIDATION, "cannot create");
    emnify_client_free(client);
}

static void a_server_that_repeats_secrets(void)
{
    emnify_error *error = NULL;
    emnify_created_token *created = NULL;
    emnify_tokens *list = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"echo_secrets\"}");
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_VALIDATION, "cannot sign in");
    emnify_client_free(client);
    client = sandbox_client();
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"echo_secrets\", \"status\": 401}");
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_REJECTED, "cannot sign in");
    emnify_client_free(client);

    /* Here it is the auth token that comes back. */
    client = sandbox_client();
    sandbox_fault("{\"path\": \"/api/v1/application_token*\", \"kind\": \"echo_secrets\"}");
    CHECK_ERROR(emnify_token_create(client, NULL, &created, &error), EMNIFY_ERR_VALIDATION,
                "cannot create");
    CHECK_ERROR(emnify_token_list(client, &list, &error), EMNIFY_ERR_VALIDATION, "cannot list");
    CHECK_ERROR(emnify_token_revoke(client, 4711, &error), EMNIFY_ERR_VALIDATION, "cannot revoke");
    CHECK_ERROR(emnify_token_update(client, 4711, "x", &error), EMNIFY_ERR_VALIDATION,
                "cannot update");
    emnify_client_free(client);
}

static void odd_answers_that_work_all_the_same(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"token_not_jwt\"}");
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    CHECK_NUMBER(emnify_auth_token_organisation_id(auth_token), 0);
    CHECK(emnify_auth_token_expires_at(auth_token) > (int64_t)time(NULL));
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);

    client = sandbox_client();
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"wrong_content_type\"}");
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

int main(void)
{
    RUN(faults_of_four_kinds);
    RUN(a_refused_connection);
    RUN(a_fault_that_passes_is_not_noticed);
    RUN(answers_that_do_not_come);
    RUN(a_server_that_nobody_vouches_for);
    RUN(how_long_to_wait);
    RUN(a_copy_of_an_error_says_the_same);
    RUN(nested_messages);
    RUN(a_server_that_repeats_secrets);
    RUN(odd_answers_that_work_all_the_same);
    return check_report();
}
