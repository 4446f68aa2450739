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

int main(void)
{
    RUN(one_of_many_threads_signs_in);
    RUN(many_threads_read_one_auth_token);
    return check_report();
}
