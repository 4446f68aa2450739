/*
 * A server that fails. A fault must result in an error of its kind, within the timeout and without
 * a secret, and the next call must succeed.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

/* A fault for all attempts until it is cleared, and a fault for the next one. */
#define AT_SIGN_IN "{\"path\": \"/api/v1/authenticate\", "
#define AT_AUTHENTICATE "{\"path\": \"/api/v1/authenticate\", \"times\": 1, "
#define AT_CREATE "{\"path\": \"/api/v1/application_token\", \"method\": \"POST\", \"times\": 1, "
/* Longer than any timeout here. */
#define LATER "\"headers\": {\"Retry-After\": \"70\"}}"

/* The first error that the observer received. */
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

/* A new client sees this fault, and the next one does not. Temporary failures are retried within
 * the timeout, so it is short, and the last attempt may end with a timeout. */
static void meet(const char *fault, int32_t expected, int http_status)
{
    struct first first = {EMNIFY_OK, 0};
    emnify_error *error = NULL;
    int passes = expected == EMNIFY_ERR_SERVER || expected == EMNIFY_ERR_NETWORK;
    emnify_config *config = hasty_config(passes ? 1000 : 20000);
    emnify_client *client;
    int32_t status;

    CHECK_OK(emnify_config_set_observer(config, note_first, &first, NULL, &error));
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

/* The core's tests check the kind of each fault. Here it must reach the caller and the observer. */
static void each_fault_reaches_the_caller_and_the_observer(void)
{
    meet(AT_SIGN_IN "\"kind\": \"status\", \"status\": 409}", EMNIFY_ERR_CONFLICT, 409);
    meet(AT_SIGN_IN "\"kind\": \"status\", \"status\": 503, " LATER,
         EMNIFY_ERR_SERVER, 503);
    meet(AT_SIGN_IN "\"kind\": \"invalid_json\"}", EMNIFY_ERR_PROTOCOL, 0);
    meet(AT_SIGN_IN "\"kind\": \"reset_before\"}", EMNIFY_ERR_NETWORK, 0);
}

static void a_refused_connection_is_a_network_error(void)
{
    emnify_error *error = NULL;
    emnify_client *client = hasty_client(1000);

    sandbox_fault("{\"kind\": \"refuse\"}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_NETWORK);
    CHECK(emnify_error_is_retryable(error));
    CHECK_NUMBER(emnify_error_reason(error), EMNIFY_REASON_CONNECT);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_NETWORK, "cannot sign in");
    emnify_client_free(client);
    sandbox_clear_faults();
    client = sandbox_client();
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

static void a_temporary_fault_is_retried(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    /* The two waits are at most five and ten seconds. */
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 503}");
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"reset_before\"}");
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 3);
    emnify_client_free(client);
}

/* Checks that the call ends soon after the timeout of half a second. */
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

static void a_response_that_never_comes_is_a_timeout(void)
{
    end_in_time(AT_AUTHENTICATE "\"kind\": \"endless_body\"}");
    end_in_time(AT_AUTHENTICATE "\"kind\": \"delay\", \"milliseconds\": 30000}");
}

static void an_untrusted_server_is_a_tls_error(void)
{
    emnify_error *error = NULL;
    emnify_client *client;
    emnify_config *config = sandbox_config();

    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("OTHER_CA_FILE"), &error));
    client = client_of(config);
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_TLS);
    CHECK(!emnify_error_is_retryable(error));
    CHECK_NUMBER(emnify_error_reason(error), EMNIFY_REASON_CERTIFICATE_UNTRUSTED);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_TLS, "cannot sign in");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    emnify_client_free(client);
}

/* Checks that the wait is the requested one and up to a fifth more, less the time since. */
static void check_wait(const emnify_error *error, int64_t milliseconds)
{
    CHECK(emnify_error_retry_after_ms(error) <= milliseconds * 6 / 5);
    CHECK(emnify_error_retry_after_ms(error) > milliseconds - 1000 * (int64_t)check_slowness());
    CHECK(emnify_error_is_retryable(error));
}

static void an_error_says_how_long_to_wait(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 429, " LATER);
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_RATE_LIMITED);
    check_wait(error, 70000);
    CHECK_NUMBER(emnify_error_http_status(error), 429);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_RATE_LIMITED, "cannot sign in");

    /* Until then, calls get the same error at once, and nothing is sent. */
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

static void a_copy_of_an_error_equals_it(void)
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
    /* The copy outlives the original. */
    CHECK_TEXT(emnify_error_nested_name(copy, 0), "InvalidReference");
    check_error(&copy, EMNIFY_ERR_VALIDATION, EMNIFY_ERR_VALIDATION, "cannot sign in", __FILE__,
                __LINE__);
    emnify_client_free(client);
}

static void nested_messages_are_reported(void)
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

static void secrets_that_a_server_quotes_are_removed(void)
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

    /* This server quotes the auth token. */
    client = sandbox_client();
    sandbox_fault("{\"path\": \"/api/v1/application_token*\", \"kind\": \"echo_secrets\"}");
    CHECK_ERROR(emnify_token_create(client, NULL, &created, &error), EMNIFY_ERR_VALIDATION,
                "cannot create");
    CHECK_ERROR(emnify_token_list(client, NULL, &list, &error), EMNIFY_ERR_VALIDATION, "cannot list");
    CHECK_ERROR(emnify_token_revoke(client, 4711, &error), EMNIFY_ERR_VALIDATION, "cannot revoke");
    CHECK_ERROR(emnify_token_update(client, 4711, "x", &error), EMNIFY_ERR_VALIDATION,
                "cannot update");
    emnify_client_free(client);
}

static void unusual_responses_are_accepted(void)
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
    RUN(each_fault_reaches_the_caller_and_the_observer);
    RUN(a_refused_connection_is_a_network_error);
    RUN(a_temporary_fault_is_retried);
    RUN(a_response_that_never_comes_is_a_timeout);
    RUN(an_untrusted_server_is_a_tls_error);
    RUN(an_error_says_how_long_to_wait);
    RUN(a_copy_of_an_error_equals_it);
    RUN(nested_messages_are_reported);
    RUN(secrets_that_a_server_quotes_are_removed);
    RUN(unusual_responses_are_accepted);
    return check_report();
}
