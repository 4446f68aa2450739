/*
 * A client that was created and used before a fork() works in parent and child, whatever other
 * threads did at that moment. Each process has its own connections and signs in for itself.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sys/wait.h>

#include "support.h"

static int32_t list_tokens(const emnify_client *client)
{
    emnify_tokens *list = NULL;
    int32_t status = emnify_token_list(client, NULL, &list, NULL);

    emnify_token_list_free(list);
    return status;
}

static int32_t sign_in(const emnify_client *client)
{
    return authenticate(client, NULL);
}

/* Runs the work in a child, which reports the result over a pipe. Its exit status cannot be used,
 * because under valgrind it includes leaks of memory that the parent's threads owned. */
static int32_t in_a_child(int32_t (*work)(const emnify_client *), const emnify_client *client)
{
    int32_t status = -1;
    int ends[2];
    pid_t child;

    fflush(stdout);
    CHECK_NUMBER(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        /* Ends the child if it hangs. */
        alarm((unsigned)(20 * check_slowness()));
        status = work(client);
        _exit(write(ends[1], &status, sizeof status) == sizeof status ? 0 : 1);
    }
    close(ends[1]);
    CHECK(read(ends[0], &status, sizeof status) == sizeof status);
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    close(ends[0]);
    return status;
}

static void parent_and_child_both_work(void)
{
    emnify_client *client = sandbox_client();

    CHECK_NUMBER(list_tokens(client), EMNIFY_OK);
    CHECK_NUMBER(in_a_child(list_tokens, client), EMNIFY_OK);
    CHECK_NUMBER(list_tokens(client), EMNIFY_OK);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

static int32_t in_a_grandchild(const emnify_client *client)
{
    int32_t status = list_tokens(client);

    return status != EMNIFY_OK ? status : in_a_child(list_tokens, client);
}

static void a_child_of_a_child_works_too(void)
{
    emnify_client *client = sandbox_client();

    CHECK_NUMBER(list_tokens(client), EMNIFY_OK);
    CHECK_NUMBER(in_a_child(in_a_grandchild, client), EMNIFY_OK);
    emnify_client_free(client);
}

static void a_client_that_was_not_used_before_works(void)
{
    emnify_client *client = sandbox_client();

    CHECK_NUMBER(in_a_child(list_tokens, client), EMNIFY_OK);
    CHECK_NUMBER(list_tokens(client), EMNIFY_OK);
    emnify_client_free(client);
}

/* Delays only the next call of `authenticate`. */
static void delay_once(void)
{
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"times\": 1, \"kind\": \"delay\","
                  " \"milliseconds\": 2000}");
}

static void wait_for_sign_ins(long calls)
{
    double end = check_clock() + 20 * check_slowness();

    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) < calls && check_clock() < end) {
        pause_ms(10);
    }
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), calls);
}

struct outcome {
    const emnify_client *client;
    int32_t status;
};

/* CHECK counts without a lock, so a thread only stores its result. */
static void *sign_in_on_a_thread(void *argument)
{
    struct outcome *outcome = argument;
    emnify_auth_token *auth_token = NULL;

    outcome->status = emnify_authenticate(outcome->client, &auth_token, NULL);
    emnify_auth_token_free(auth_token);
    return NULL;
}

static void fork_while_a_thread_signs_in(emnify_client *client)
{
    struct outcome outcome = {NULL, -1};
    long calls = sandbox_calls("POST", SANDBOX_AUTHENTICATE);
    pthread_t thread;

    outcome.client = client;
    delay_once();
    CHECK_NUMBER(pthread_create(&thread, NULL, sign_in_on_a_thread, &outcome), 0);
    wait_for_sign_ins(calls + 1);
    CHECK_NUMBER(in_a_child(sign_in, client), EMNIFY_OK);
    pthread_join(thread, NULL);
    CHECK_NUMBER(outcome.status, EMNIFY_OK);
    CHECK_NUMBER(list_tokens(client), EMNIFY_OK);
    emnify_client_free(client);
}

/* An attempt has just started, so the child gets the token that is still valid. It does not wait
 * for the thread, which exists only in the parent. */
static void while_another_thread_signs_in(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_invalidate(client, auth_token);
    emnify_auth_token_free(auth_token);
    fork_while_a_thread_signs_in(client);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
}

static void while_another_thread_signs_in_for_the_first_time(void)
{
    fork_while_a_thread_signs_in(sandbox_client());
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
}

/* The thread holds the lock of the store: the child waits and uses the token of the thread. */
static void while_another_thread_signs_in_for_a_store(void)
{
    char path[] = "/tmp/emnify-store-XXXXXX";
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    CHECK(mkdtemp(path) != NULL);
    CHECK_OK(emnify_config_set_store(config, path, &error));
    fork_while_a_thread_signs_in(client_of(config));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    remove_folder(path);
}

/* Calls until the token changes. */
static int32_t renewed(const emnify_client *client)
{
    double end = check_clock() + 10 * check_slowness();
    char first[2048];
    char header[2048];
    int32_t status = emnify_authorization_header(client, first, sizeof first, NULL, NULL);

    do {
        pause_ms(20);
        if (status == EMNIFY_OK) {
            status = emnify_authorization_header(client, header, sizeof header, NULL, NULL);
        }
    } while (status == EMNIFY_OK && strcmp(first, header) == 0 && check_clock() < end);
    return status == EMNIFY_OK && strcmp(first, header) == 0 ? -2 : status;
}

static void while_a_renewal_is_under_way_in_the_background(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    double end = check_clock() + 15;

    sandbox_settings("{\"auth_token_lifetime\": 10}");
    CHECK_OK(authenticate(client, &error));
    delay_once();
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) < 2 && check_clock() < end) {
        CHECK_OK(authenticate(client, &error));
        pause_ms(20);
    }
    CHECK_NUMBER(in_a_child(renewed, client), EMNIFY_OK);
    CHECK_NUMBER(list_tokens(client), EMNIFY_OK);
    free_and_wait(client);
}

int main(void)
{
    RUN(parent_and_child_both_work);
    RUN(a_child_of_a_child_works_too);
    RUN(a_client_that_was_not_used_before_works);
    RUN(while_another_thread_signs_in);
    RUN(while_another_thread_signs_in_for_the_first_time);
    RUN(while_another_thread_signs_in_for_a_store);
    RUN(while_a_renewal_is_under_way_in_the_background);
    return check_report();
}
