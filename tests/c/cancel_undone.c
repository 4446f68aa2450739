/*
 * Cleaning up after a cancelled call: an application token that was created too late is revoked,
 * and a rotation continues when it is called again.
 */

#define _POSIX_C_SOURCE 200809L

#include "cancel.h"

/* Returns the status of the application token with this description. */
static int64_t status_of(const char *description)
{
    int64_t status = EMNIFY_TOKEN_STATUS_UNKNOWN;
    emnify_error *error = NULL;
    emnify_tokens *tokens = NULL;
    emnify_client *client = sandbox_client();
    size_t i;

    CHECK_OK(emnify_token_list(client, NULL, &tokens, &error));
    for (i = 0; i < emnify_token_list_size(tokens); i++) {
        const char *its = emnify_token_description(emnify_token_list_at(tokens, i));

        if (its != NULL && strcmp(its, description) == 0) {
            status = emnify_token_status(emnify_token_list_at(tokens, i));
        }
    }
    emnify_token_list_free(tokens);
    emnify_client_free(client);
    return status;
}

static void a_token_that_is_created_too_late_is_revoked(void)
{
    struct call call;
    emnify_client *client = cancellable_client();
    emnify_error *error = NULL;

    CHECK_OK(list(client, &error));
    sandbox_fault("{\"path\": \"" SANDBOX_APPLICATION_TOKEN "\", \"method\": \"POST\", \"times\": 1,"
                  " \"kind\": \"delay\", \"milliseconds\": 300}");
    start(&call, client, create);
    wait_for_calls("POST", SANDBOX_APPLICATION_TOKEN, 1);
    cancel(&call);
    /* The cancelled call continues in the background. */
    free_and_wait(client);
    CHECK_NUMBER(status_of("left behind"), EMNIFY_TOKEN_REVOKED);
}

static int32_t rotate(const emnify_client *client, emnify_error **error)
{
    struct taken taken;
    emnify_rotate_options options = taken_by(&taken);
    emnify_rotation *rotation = NULL;
    int32_t status = emnify_token_rotate(client, &options, &rotation, error);

    emnify_rotation_free(rotation);
    return status == EMNIFY_OK && (taken.times != 1 || taken.strangers != 0) ? -1 : status;
}

/* Returns the number of active application tokens among the sandbox's own and its successors. */
static int count_own(void)
{
    emnify_error *error = NULL;
    emnify_tokens *tokens = NULL;
    emnify_client *client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    int count = 0;
    size_t i;

    CHECK_OK(emnify_token_list(client, NULL, &tokens, &error));
    for (i = 0; i < emnify_token_list_size(tokens); i++) {
        const emnify_token *token = emnify_token_list_at(tokens, i);
        const char *description = emnify_token_description(token);

        count += description != NULL && strncmp(description, "Sandbox", 7) == 0 &&
                 emnify_token_status(token) == EMNIFY_TOKEN_ACTIVATED;
    }
    emnify_token_list_free(tokens);
    emnify_client_free(client);
    return count;
}

static void a_cancelled_rotation_continues_when_it_is_called_again(void)
{
    struct call call;
    emnify_error *error = NULL;
    emnify_config *config = cancellable(sandbox_config());
    emnify_client *client;

    new_store();
    CHECK_OK(emnify_config_set_store(config, store, &error));
    client = client_of(config);
    CHECK_OK(list(client, &error));
    sandbox_fault("{\"path\": \"" SANDBOX_APPLICATION_TOKEN "\", \"method\": \"POST\", \"times\": 1,"
                  " \"kind\": \"delay\", \"milliseconds\": 300}");
    start(&call, client, rotate);
    wait_for_calls("POST", SANDBOX_APPLICATION_TOKEN, 1);
    cancel(&call);
    /* The cancelled call still creates an application token, whose value is lost. */
    free_and_wait(client);
    CHECK_NUMBER(count_own(), 2);

    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_OK(rotate(client, &error));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_APPLICATION_TOKEN), 2);
    emnify_client_free(client);
    CHECK_NUMBER(count_own(), 1);
    remove_folder(store);
}

/* The client that rotates, and how often the hand-over function was called. */
struct cancelling {
    const emnify_client *client;
    int times;
};

static int32_t take_and_cancel(void *user, const char *application_token, size_t length)
{
    struct cancelling *cancelling = user;

    cancelling->times++;
    emnify_client_cancel(cancelling->client);
    return strlen(application_token) == length ? 0 : -1;
}

static void a_rotation_continues_after_its_hand_over_function_cancelled_it(void)
{
    struct cancelling cancelling;
    emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
    emnify_rotation *rotation = NULL;
    emnify_error *error = NULL;
    emnify_client *client;
    int32_t status;

    new_store();
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    cancelling.client = client;
    cancelling.times = 0;
    options.hand_over = take_and_cancel;
    options.user = &cancelling;
    status = emnify_token_rotate(client, &options, &rotation, &error);
    CHECK_NUMBER(emnify_error_rotation_state(error), EMNIFY_ROTATION_REVOKING);
    CHECK_CANCELLED(status);
    emnify_client_free(client);

    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_OK(emnify_token_rotate(client, &options, &rotation, &error));
    CHECK_NUMBER(emnify_rotation_state(rotation), EMNIFY_ROTATION_DONE);
    CHECK_NUMBER(cancelling.times, 1);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_APPLICATION_TOKEN), 1);
    emnify_rotation_free(rotation);
    emnify_client_free(client);
    remove_folder(store);
}

int main(void)
{
    RUN(a_token_that_is_created_too_late_is_revoked);
    RUN(a_cancelled_rotation_continues_when_it_is_called_again);
    RUN(a_rotation_continues_after_its_hand_over_function_cancelled_it);
    return check_report();
}
