/*
 * Cancelling a client: calls that wait in other threads end at once, later calls fail, and the
 * client can be freed.
 */

#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <sys/wait.h>

#include "cancel.h"

#define THREADS 16

static void a_call_that_waits_for_the_server(void)
{
    struct call call;
    emnify_client *client = cancellable_client();

    sandbox_fault(DELAY(SANDBOX_AUTHENTICATE));
    start(&call, client, sign_in);
    wait_for_calls("POST", SANDBOX_AUTHENTICATE, 1);
    cancel(&call);
    free_and_wait(client);
}

static void a_call_that_waits_for_another_thread(void)
{
    struct call first;
    struct call second;
    emnify_client *client = cancellable_client();

    sandbox_fault(DELAY(SANDBOX_AUTHENTICATE));
    start(&first, client, sign_in);
    wait_for_calls("POST", SANDBOX_AUTHENTICATE, 1);
    start(&second, client, list);
    pause_ms(20);
    cancel(&first);
    cancel(&second);
    CHECK_NUMBER(sandbox_calls("", ""), 1);
    free_and_wait(client);
}

static void a_call_that_waits_before_another_attempt(void)
{
    struct call call;
    emnify_client *client = cancellable_client();

    /* The next attempt is possible after a second. */
    sandbox_fault("{\"path\": \"" SANDBOX_AUTHENTICATE "\", \"times\": 1, \"kind\": \"status\","
                  " \"status\": 503, \"headers\": {\"Retry-After\": \"1\"}}");
    start(&call, client, sign_in);
    wait_for_calls("POST", SANDBOX_AUTHENTICATE, 1);
    pause_ms(50);
    cancel(&call);
    free_and_wait(client);
}

/* Locks all files of a store, like a process that signs in. */
static void lock_store(const char *path)
{
    char file[512];
    struct dirent *entry;
    DIR *folder = opendir(path);
    int locked = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            struct flock whole;

            memset(&whole, 0, sizeof whole);
            whole.l_type = F_WRLCK;
            whole.l_whence = SEEK_SET;
            snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
            locked += fcntl(open(file, O_RDWR | O_CLOEXEC), F_SETLK, &whole) == 0;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    CHECK(locked > 0);
}

static void a_call_that_waits_for_another_process(void)
{
    struct call call;
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_config *config = cancellable(sandbox_config());
    emnify_client *client;
    int status = 0;
    int ends[2];
    char byte = 0;
    pid_t other;

    new_store();
    CHECK_OK(emnify_config_set_store(config, store, &error));
    client = client_of(config);
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_invalidate(client, auth_token);
    emnify_auth_token_free(auth_token);
    CHECK_NUMBER(pipe(ends), 0);
    fflush(stdout);
    other = fork();
    if (other == 0) {
        lock_store(store);
        _exit(write(ends[1], "x", 1) == 1 && pause() == -1);
    }
    CHECK_NUMBER(read(ends[0], &byte, 1), 1);
    start(&call, client, sign_in);
    pause_ms(50);
    cancel(&call);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    kill(other, SIGKILL);
    CHECK(waitpid(other, &status, 0) == other);
    close(ends[0]);
    close(ends[1]);
    free_and_wait(client);
    remove_folder(store);
}

/* Counts the calls of a function, and those on another thread. */
struct asked {
    pthread_t thread;
    int strangers;
    int times;
};

static size_t supply_code(void *user, char *code, size_t capacity)
{
    struct asked *asked = user;
    char text[64];

    asked->times++;
    asked->strangers += !pthread_equal(asked->thread, pthread_self());
    sandbox_one_time_code(text, sizeof text);
    snprintf(code, capacity, "%s", text);
    return strlen(code);
}

static void observe(void *user, const emnify_event *event)
{
    struct asked *asked = user;

    (void)event;
    asked->times++;
    asked->strangers += !pthread_equal(asked->thread, pthread_self());
}

static void functions_run_on_the_thread_that_called(void)
{
    struct asked asked = {pthread_self(), 0, 0};
    emnify_error *error = NULL;
    emnify_client *another = NULL;
    emnify_config *config = cancellable(emnify_config_new());
    emnify_client *client;

    CHECK_OK(emnify_config_set_user(config, "mfa@example.com", "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_mfa(config, supply_code, &asked, NULL, &error));
    CHECK_OK(emnify_config_set_observer(config, observe, &asked, NULL, &error));
    client = client_of(config);
    CHECK_OK(sign_in(client, &error));
    CHECK_NUMBER(asked.times, 2);
    CHECK_OK(emnify_switch_workspace(client, 5678, &another, &error));
    CHECK_NUMBER(asked.times, 3);
    CHECK_NUMBER(asked.strangers, 0);
    /* The other client is not cancelled. */
    emnify_client_cancel(client);
    emnify_client_free(client);
    CHECK_OK(list(another, &error));
    emnify_client_cancel(another);
    CHECK_CANCELLED(list(another, &error));
    emnify_client_free(another);
}

/* A prompt for a code, and whether the code was entered. */
struct prompt {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_shown;
    bool is_answered;
};

static void wait_until(struct prompt *prompt, const bool *happened)
{
    pthread_mutex_lock(&prompt->lock);
    while (!*happened) {
        pthread_cond_wait(&prompt->changed, &prompt->lock);
    }
    pthread_mutex_unlock(&prompt->lock);
}

static void set_event(struct prompt *prompt, bool *happened)
{
    pthread_mutex_lock(&prompt->lock);
    *happened = true;
    pthread_cond_broadcast(&prompt->changed);
    pthread_mutex_unlock(&prompt->lock);
}

static size_t supply_code_late(void *user, char *code, size_t capacity)
{
    struct prompt *prompt = user;

    set_event(prompt, &prompt->is_shown);
    wait_until(prompt, &prompt->is_answered);
    return (size_t)snprintf(code, capacity, "123456");
}

static void a_call_ends_when_the_function_that_it_runs_returns(void)
{
    struct prompt prompt = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
    struct call asking;
    struct call waiting;
    emnify_error *error = NULL;
    emnify_config *config = cancellable(emnify_config_new());
    emnify_client *client;

    CHECK_OK(emnify_config_set_user(config, "mfa@example.com", "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_mfa(config, supply_code_late, &prompt, NULL, &error));
    client = client_of(config);
    start(&asking, client, sign_in);
    wait_until(&prompt, &prompt.is_shown);
    start(&waiting, client, list);
    pause_ms(20);
    cancel(&waiting);
    set_event(&prompt, &prompt.is_answered);
    pthread_join(asking.thread, NULL);
    check_cancelled(&asking.error, asking.status, __LINE__);
    /* The code was not sent. */
    CHECK_NUMBER(sandbox_calls("", ""), 1);
    free_and_wait(client);
}

static void pages_are_cancelled_with_their_client(void)
{
    emnify_error *error = NULL;
    emnify_pages *pages = NULL;
    emnify_pages *more = NULL;
    emnify_status *status = NULL;
    const char *row = NULL;
    size_t length = 0;
    emnify_client *client = cancellable_client();

    CHECK_OK(emnify_paginate(client, "/api/v1/sim", 0, &pages, &error));
    CHECK_OK(emnify_pages_next(pages, &row, &length, &error));
    CHECK(row != NULL && strlen(row) == length);
    emnify_client_cancel(client);
    emnify_client_cancel(client);
    CHECK_CANCELLED(emnify_pages_next(pages, &row, NULL, &error));
    CHECK_CANCELLED(emnify_paginate(client, "/api/v1/sim", 0, &more, &error));
    CHECK_CANCELLED(sign_in(client, &error));
    CHECK_OK(emnify_status_new(client, &status, &error));
    CHECK(emnify_status_signed_in(status));
    emnify_status_free(status);
    emnify_client_free(client);
    CHECK_CANCELLED(emnify_pages_next(pages, &row, NULL, &error));
    emnify_pages_free(pages);
}

/* Without `cancellable`, a call that waits for a response gets it; later calls fail at once. */
static void a_client_that_is_not_cancellable(void)
{
    struct call call;
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault("{\"path\": \"" SANDBOX_AUTHENTICATE "\", \"times\": 1, \"kind\": \"delay\","
                  " \"milliseconds\": 200}");
    start(&call, client, sign_in);
    wait_for_calls("POST", SANDBOX_AUTHENTICATE, 1);
    emnify_client_cancel(client);
    CHECK_CANCELLED(list(client, &error));
    pthread_join(call.thread, NULL);
    check_error(&call.error, call.status, EMNIFY_OK, "", __FILE__, __LINE__);
    CHECK_CANCELLED(sign_in(client, &error));
    CHECK_NUMBER(sandbox_calls("", ""), 1);
    emnify_client_free(client);
}

/* With one thread, the second exchange starts after the first. */
static void exchanges_wait_for_a_free_thread(void)
{
    struct call calls[2];
    emnify_error *error = NULL;
    emnify_config *config = cancellable(sandbox_config());
    emnify_client *client;
    double began;
    int threads;
    int i;

    CHECK_OK(emnify_config_set_max_exchanges(config, 1, &error));
    client = client_of(config);
    CHECK_OK(list(client, &error));
    threads = count_threads();
    sandbox_fault("{\"path\": \"" SANDBOX_APPLICATION_TOKEN "\", \"times\": 2, \"kind\": \"delay\","
                  " \"milliseconds\": 150}");
    began = check_clock();
    for (i = 0; i < 2; i++) {
        start(&calls[i], client, list);
    }
    wait_for_calls("GET", SANDBOX_APPLICATION_TOKEN, 2);
    CHECK_NUMBER(count_threads(), threads + 2);
    for (i = 0; i < 2; i++) {
        pthread_join(calls[i].thread, NULL);
        check_error(&calls[i].error, calls[i].status, EMNIFY_OK, "", __FILE__, __LINE__);
    }
    CHECK(check_clock() - began > 0.3);
    free_and_wait(client);
}

static void cancelling_null_does_nothing(void)
{
    emnify_error *error = NULL;

    emnify_client_cancel(NULL);
    CHECK_REFUSED(emnify_config_set_cancellable(NULL, true, &error), "config");
    CHECK_REFUSED(emnify_config_set_max_exchanges(NULL, 1, &error), "config");
}

/* Makes calls until one fails, which is expected only after cancelling. */
static int32_t work_until_cancelled(const emnify_client *client, emnify_error **error)
{
    static const work_type works[] = {sign_in, list, create};
    int32_t status = EMNIFY_OK;
    int turn;

    for (turn = 0; status == EMNIFY_OK; turn++) {
        status = works[turn % 3](client, error);
    }
    return status;
}

/* The usual end of a program: cancel, join, free, while the threads are at any point of a call. */
static void a_client_that_many_threads_use_is_cancelled_and_freed(void)
{
    struct call calls[THREADS];
    int rounds = check_slowness() > 1 ? 2 : 5;
    int round;
    int i;

    for (round = 0; round < rounds; round++) {
        emnify_error *error = NULL;
        emnify_config *config = cancellable(sandbox_config());
        emnify_client *client;

        CHECK_OK(emnify_config_set_pacing(config, false, &error));
        client = client_of(config);
        for (i = 0; i < THREADS; i++) {
            start(&calls[i], client, work_until_cancelled);
        }
        pause_ms(15 * round);
        emnify_client_cancel(client);
        for (i = 0; i < THREADS; i++) {
            pthread_join(calls[i].thread, NULL);
            check_cancelled(&calls[i].error, calls[i].status, __LINE__);
        }
        free_and_wait(client);
    }
}

int main(void)
{
    RUN(a_call_that_waits_for_the_server);
    RUN(a_call_that_waits_for_another_thread);
    RUN(a_call_that_waits_before_another_attempt);
    RUN(a_call_that_waits_for_another_process);
    RUN(functions_run_on_the_thread_that_called);
    RUN(a_call_ends_when_the_function_that_it_runs_returns);
    RUN(pages_are_cancelled_with_their_client);
    RUN(a_client_that_is_not_cancellable);
    RUN(exchanges_wait_for_a_free_thread);
    RUN(cancelling_null_does_nothing);
    RUN(a_client_that_many_threads_use_is_cancelled_and_freed);
    return check_report();
}
