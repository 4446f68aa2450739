/*
 * One client and many threads: one signs in, all others get its token, and none hangs.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>

#include "support.h"

#define THREADS 32
#define CALLS 50

struct outcome {
    emnify_client *client;
    int failures;
    char header[2048];
};

/* CHECK counts without a lock, so each thread has its own count. */
static void *work(void *argument)
{
    struct outcome *outcome = (struct outcome *)argument;
    int i;

    for (i = 0; i < CALLS; i++) {
        emnify_auth_token *auth_token = NULL;
        emnify_error *error = NULL;
        size_t length = 0;

        if (emnify_authenticate(outcome->client, &auth_token, &error) != EMNIFY_OK ||
            emnify_authorization_header(outcome->client, outcome->header, sizeof outcome->header,
                                        &length, &error) != EMNIFY_OK ||
            strcmp(outcome->header + strlen("Bearer "),
                   emnify_auth_token_reveal(auth_token)) != 0) {
            outcome->failures++;
        }
        emnify_auth_token_free(auth_token);
        emnify_error_free(error);
    }
    return NULL;
}

static void one_of_many_threads_signs_in(void)
{
    static struct outcome outcomes[THREADS];
    pthread_t threads[THREADS];
    emnify_client *client = sandbox_client();
    int i;

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\","
                  " \"milliseconds\": 200}");
    for (i = 0; i < THREADS; i++) {
        outcomes[i].client = client;
        CHECK_NUMBER(pthread_create(&threads[i], NULL, work, &outcomes[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_NUMBER(outcomes[i].failures, 0);
        CHECK_TEXT(outcomes[i].header, outcomes[0].header);
    }
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

static void *reveal(void *auth_token)
{
    return (void *)emnify_auth_token_reveal((const emnify_auth_token *)auth_token);
}

static void many_threads_read_one_auth_token(void)
{
    pthread_t threads[THREADS];
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();
    int i;

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    for (i = 0; i < THREADS; i++) {
        CHECK_NUMBER(pthread_create(&threads[i], NULL, reveal, auth_token), 0);
    }
    for (i = 0; i < THREADS; i++) {
        void *text = NULL;

        pthread_join(threads[i], &text);
        CHECK(text == (const void *)emnify_auth_token_reveal(auth_token));
    }
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
}

/* A thread that is cancelled during its call. */
struct cancelled {
    const emnify_client *client;
    emnify_auth_token *auth_token;
    int32_t status;
};

static void free_auth_token(void *argument)
{
    struct cancelled *cancelled = (struct cancelled *)argument;

    emnify_auth_token_free(cancelled->auth_token);
}

static void *sign_in_and_be_cancelled(void *argument)
{
    struct cancelled *cancelled = (struct cancelled *)argument;

    pthread_cleanup_push(free_auth_token, cancelled);
    cancelled->status = emnify_authenticate(cancelled->client, &cancelled->auth_token, NULL);
    pthread_testcancel();
    cancelled->status = -1;
    pthread_cleanup_pop(1);
    return NULL;
}

static void cancel_during_a_sign_in(emnify_config *config)
{
    struct cancelled cancelled = {NULL, NULL, -1};
    emnify_error *error = NULL;
    emnify_client *client = client_of(config);
    pthread_t thread;
    void *result = NULL;

    sandbox_fault("{\"path\": \"" SANDBOX_AUTHENTICATE "\", \"times\": 1, \"kind\": \"delay\","
                  " \"milliseconds\": 400}");
    cancelled.client = client;
    CHECK_NUMBER(pthread_create(&thread, NULL, sign_in_and_be_cancelled, &cancelled), 0);
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) == 0) {
        pause_ms(5);
    }
    CHECK_NUMBER(pthread_cancel(thread), 0);
    CHECK_NUMBER(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_NUMBER(cancelled.status, EMNIFY_OK);
    /* The client is intact and has the auth token. */
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

/* pthread_cancel() must neither crash the library nor leave a lock behind. */
static void a_thread_that_is_cancelled_finishes_its_call(void)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    cancel_during_a_sign_in(sandbox_config());
    sandbox_reset();
    CHECK_OK(emnify_config_set_cancellable(config, true, &error));
    cancel_during_a_sign_in(config);
}

int main(void)
{
    RUN(one_of_many_threads_signs_in);
    RUN(many_threads_read_one_auth_token);
    RUN(a_thread_that_is_cancelled_finishes_its_call);
    return check_report();
}
