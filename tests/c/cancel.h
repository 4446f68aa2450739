/*
 * What the tests of cancelling share: calls that wait on threads of their own, and their end. Needs
 * POSIX.
 */

#ifndef CANCEL_H
#define CANCEL_H

#include <pthread.h>

#include "rotation.h"

/* How soon a call must have ended. */
#define AT_ONCE (0.1 * check_slowness())

#define DELAY(path) \
    "{\"path\": \"" path "\", \"times\": 1, \"kind\": \"delay\", \"milliseconds\": 400}"

typedef int32_t (*work_type)(const emnify_client *client, emnify_error **error);

/* A call on a thread of its own. CHECK counts without a lock, so a thread only keeps what it got. */
struct call {
    pthread_t thread;
    work_type work;
    const emnify_client *client;
    int32_t status;
    emnify_error *error;
    double ended;
};

static inline void *make(void *argument)
{
    struct call *call = argument;

    call->status = call->work(call->client, &call->error);
    call->ended = check_clock();
    return NULL;
}

static inline void start(struct call *call, const emnify_client *client, work_type work)
{
    memset(call, 0, sizeof *call);
    call->client = client;
    call->work = work;
    CHECK_NUMBER(pthread_create(&call->thread, NULL, make, call), 0);
}

/* What was called must have failed as cancelled, and say so. */
static inline void check_cancelled(emnify_error **error, int32_t status, int line)
{
    const char *message = emnify_error_message(*error);

    CHECK(message != NULL && strstr(message, "cancelled by the caller") != NULL);
    CHECK(!emnify_error_is_retryable(*error));
    check_error(error, status, EMNIFY_ERR_CANCELLED, "", __FILE__, line);
}

#define CHECK_CANCELLED(call) check_cancelled(&error, (call), __LINE__)

/* Cancels what waits; it must end at once, and nothing more can be called. */
static inline void cancel(struct call *call)
{
    emnify_error *error = NULL;
    double start = check_clock();

    emnify_client_cancel(call->client);
    CHECK(check_clock() - start < AT_ONCE);
    pthread_join(call->thread, NULL);
    CHECK(call->ended - start < AT_ONCE);
    check_cancelled(&call->error, call->status, __LINE__);
    start = check_clock();
    CHECK_CANCELLED(call->work(call->client, &error));
    CHECK(check_clock() - start < AT_ONCE);
}

static inline emnify_config *cancellable(emnify_config *config)
{
    emnify_error *error = NULL;

    CHECK_OK(emnify_config_set_cancellable(config, true, &error));
    return config;
}

static inline emnify_client *cancellable_client(void)
{
    return client_of(cancellable(sandbox_config()));
}

/* Waits until the sandbox has been called so often. */
static inline void wait_for_calls(const char *method, const char *path, long calls)
{
    double end = check_clock() + 20 * check_slowness();

    while (sandbox_calls(method, path) < calls && check_clock() < end) {
        pause_ms(5);
    }
    CHECK_NUMBER(sandbox_calls(method, path), calls);
}

static inline int32_t sign_in(const emnify_client *client, emnify_error **error)
{
    emnify_auth_token *auth_token = NULL;
    int32_t status = emnify_authenticate(client, &auth_token, error);

    emnify_auth_token_free(auth_token);
    return status;
}

static inline int32_t list(const emnify_client *client, emnify_error **error)
{
    emnify_tokens *tokens = NULL;
    int32_t status = emnify_token_list(client, NULL, &tokens, error);

    emnify_token_list_free(tokens);
    return status;
}

static inline int32_t create(const emnify_client *client, emnify_error **error)
{
    emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
    emnify_created_token *created = NULL;
    int32_t status;

    options.description = "left behind";
    status = emnify_token_create(client, &options, &created, error);
    emnify_created_token_free(created);
    return status;
}

#endif
