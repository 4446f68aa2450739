/*
 * The error object: its copy, and what it has of the server's messages. tests/scenarios has the kind
 * of each fault.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

#define AT_SIGN_IN "{\"path\": \"/api/v1/authenticate\", "
#define AT_CREATE "{\"path\": \"/api/v1/application_token\", \"method\": \"POST\", \"times\": 1, "

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

int main(void)
{
    RUN(a_copy_of_an_error_equals_it);
    RUN(nested_messages_are_reported);
    return check_report();
}
