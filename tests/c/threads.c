/*
 * One client and many threads, or two processes: one signs in, all others have what it got, and
 * nobody hangs.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "support.h"

#define THREADS 32
#define CALLS 50

struct outcome {
    emnify_client *client;
    int failures;
    char header[2048];
};

/* CHECK counts without a lock, so a thread keeps its own count. */
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

/* The child tells by a pipe how it went: its exit status would tell under valgrind that what the
 * threads of the parent held is lost to it, which lies in the nature of fork(). */
static void both_sides_of_a_fork_go_on(void)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    emnify_client *client = sandbox_client();
    int32_t status = -1;
    int ends[2];
    pid_t child;

    CHECK_OK(emnify_token_list(client, &list, &error));
    emnify_token_list_free(list);
    fflush(stdout);
    CHECK_NUMBER(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        /* Should it hang, it ends by this. */
        alarm((unsigned)(20 * check_slowness()));
        status = emnify_token_list(client, &list, NULL);
        _exit(write(ends[1], &status, sizeof status) == sizeof status ? 0 : 1);
    }
    close(ends[1]);
    CHECK(read(ends[0], &status, sizeof status) == sizeof status);
    CHECK_NUMBER(status, EMNIFY_OK);
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    close(ends[0]);
    CHECK_OK(emnify_token_list(client, &list, &error));
    emnify_token_list_free(list);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
}

/* A signal that this thread blocks must stay pending: a thread of the library that did not block it
 * would take it. */
static void signals_stay_with_the_threads_of_the_host(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();
    struct sigaction action;
    struct timespec moment = {0, 50 * 1000 * 1000};
    sigset_t usr1;
    sigset_t mask;
    sigset_t pending;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    CHECK_NUMBER(sigismember(&mask, SIGUSR1), 0);
    CHECK_NUMBER(sigismember(&mask, SIGPIPE), 0);

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    kill(getpid(), SIGUSR1);
    nanosleep(&moment, NULL);
    sigpending(&pending);
    CHECK_NUMBER(handled, 0);
    CHECK_NUMBER(sigismember(&pending, SIGUSR1), 1);
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    CHECK_NUMBER(handled, 1);
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
}

int main(void)
{
    RUN(one_of_many_threads_signs_in);
    RUN(many_threads_read_one_auth_token);
    RUN(both_sides_of_a_fork_go_on);
    RUN(signals_stay_with_the_threads_of_the_host);
    return check_report();
}
