/*
 * A server that fails: each fault must come back as its own kind of error, within the time limit,
 * and tell no secret; the next call works again.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

#define AT_AUTHENTICATE "{\"path\": \"/api/v1/authenticate\", \"times\": 1, "
#define AT_CREATE "{\"path\": \"/api/v1/application_token\", \"method\": \"POST\", \"times\": 1, "

static int32_t authenticate(emnify_client *client, emnify_error **error)
{
    emnify_auth_token *auth_token = NULL;
    int32_t status = emnify_authenticate(client, &auth_token, error);

    CHECK((auth_token == NULL) == (status != EMNIFY_OK));
    emnify_auth_token_free(auth_token);
    return status;
}

/* A new client meets this fault, and the next one does not. */
static void meet(const char *fault, int32_t expected, int http_status)
{
    emnify_error *error = NULL;
    emnify_client *client = hasty_client(20000);

    sandbox_reset();
    sandbox_fault(fault);
    CHECK_NUMBER(authenticate(client, &error), expected);
    if (emnify_error_code(error) != expected) {
        printf("  %s: %s\n", fault, emnify_error_message(error));
    }
    CHECK_NUMBER(emnify_error_http_status(error), http_status);
    CHECK_ERROR(emnify_error_code(error), expected, "cannot sign in");
    emnify_client_free(client);
    client = sandbox_client();
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

static void statuses(void)
{
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 302}", EMNIFY_ERR_PROTOCOL, 302);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 400}", EMNIFY_ERR_VALIDATION, 400);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 401}", EMNIFY_ERR_REJECTED, 401);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 403}", EMNIFY_ERR_FORBIDDEN, 403);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 404}", EMNIFY_ERR_NOT_FOUND, 404);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 409}", EMNIFY_ERR_CONFLICT, 409);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 422}", EMNIFY_ERR_VALIDATION, 422);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 429}", EMNIFY_ERR_RATE_LIMITED, 429);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 500}", EMNIFY_ERR_SERVER, 500);
    meet(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 503}", EMNIFY_ERR_SERVER, 503);
}

static void answers_that_make_no_sense(void)
{
    meet(AT_AUTHENTICATE "\"kind\": \"invalid_json\"}", EMNIFY_ERR_PROTOCOL, 0);
    meet(AT_AUTHENTICATE "\"kind\": \"html\", \"status\": 200}", EMNIFY_ERR_PROTOCOL, 0);
    meet(AT_AUTHENTICATE "\"kind\": \"html\", \"status\": 502}", EMNIFY_ERR_SERVER, 502);
    meet(AT_AUTHENTICATE "\"kind\": \"no_auth_token\"}", EMNIFY_ERR_PROTOCOL, 0);
    meet(AT_AUTHENTICATE "\"kind\": \"endless_body\", \"fast\": true}", EMNIFY_ERR_PROTOCOL, 0);
}

static void connections_that_break(void)
{
    meet(AT_AUTHENTICATE "\"kind\": \"reset_before\"}", EMNIFY_ERR_NETWORK, 0);
    meet(AT_AUTHENTICATE "\"kind\": \"reset_after\"}", EMNIFY_ERR_NETWORK, 0);
    meet(AT_AUTHENTICATE "\"kind\": \"cut_body\"}", EMNIFY_ERR_NETWORK, 0);
}

static void a_refused_connection(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault("{\"kind\": \"refuse\"}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_NETWORK);
    CHECK(emnify_error_is_retryable(error));
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_NETWORK, "cannot sign in");
    sandbox_clear_faults();
    CHECK_OK(authenticate(client, &error));
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

static void how_long_to_wait(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 429,"
                                  " \"headers\": {\"Retry-After\": \"7\"}}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_RATE_LIMITED);
    CHECK_NUMBER(emnify_error_retry_after_ms(error), 7000);
    CHECK(emnify_error_is_retryable(error));
    emnify_error_free(error);
    emnify_client_free(client);

    client = sandbox_client();
    error = NULL;
    sandbox_fault(AT_AUTHENTICATE "\"kind\": \"status\", \"status\": 401, \"body\":"
                                  " \"{\\\"error_code\\\":1105,"
                                  "\\\"error_token\\\":\\\"TooManyRequests\\\"}\"}");
    CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_LOCKED);
    CHECK_NUMBER(emnify_error_retry_after_ms(error), 300000);
    CHECK_NUMBER(emnify_error_api_code(error), 1105);
    CHECK_TEXT(emnify_error_api_token(error), "TooManyRequests");
    CHECK_TEXT(emnify_error_api_message(error), NULL);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_LOCKED, "cannot sign in");
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
    CHECK_TEXT(emnify_error_api_token(error), "InputValidationFailed");
    CHECK_TEXT(emnify_error_api_message(error), "Bad");
    CHECK_NUMBER(emnify_error_nested_size(error), 3);
    CHECK_NUMBER(emnify_error_nested_code(error, 0), 1402);
    CHECK_TEXT(emnify_error_nested_token(error, 0), "Required");
    CHECK_TEXT(emnify_error_nested_message(error, 0), "name");
    CHECK_NUMBER(emnify_error_nested_code(error, 1), 0);
    CHECK_TEXT(emnify_error_nested_token(error, 1), NULL);
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
    RUN(statuses);
    RUN(answers_that_make_no_sense);
    RUN(connections_that_break);
    RUN(a_refused_connection);
    RUN(answers_that_do_not_come);
    RUN(a_server_that_nobody_vouches_for);
    RUN(how_long_to_wait);
    RUN(nested_messages);
    RUN(a_server_that_repeats_secrets);
    RUN(odd_answers_that_work_all_the_same);
    return check_report();
}
