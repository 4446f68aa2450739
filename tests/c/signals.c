/*
 * Signals belong to the host: no thread of the library handles one, and none ends the process
 * because of the library. Linux only, because it reads /proc.
 */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <signal.h>

#include "support.h"

#define MOST_THREADS 8

/* A thread of this process other than the one that runs the tests. */
struct thread {
    char name[32];
    unsigned long long blocked;
};

static void read_thread(const char *id, struct thread *thread)
{
    char path[300];
    char line[256];
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%s/status", id);
    memset(thread, 0, sizeof *thread);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "Name: %31[^\n]", thread->name);
        sscanf(line, "SigBlk: %llx", &thread->blocked);
    }
    if (file != NULL) {
        fclose(file);
    }
}

static int threads_of_the_library(struct thread *threads)
{
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL && count < MOST_THREADS) {
        if (atol(entry->d_name) > 0 && atol(entry->d_name) != (long)getpid()) {
            read_thread(entry->d_name, &threads[count]);
            /* The thread may have ended meanwhile. */
            count += threads[count].name[0] != '\0';
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static unsigned long long bit(int signal)
{
    return 1ULL << (signal - 1);
}

/* Whether the thread blocks all signals, except the two that cannot be blocked and those that the C
 * library uses itself: glibc two, musl three. */
static int blocks_all(const struct thread *thread)
{
    unsigned long long never = bit(SIGKILL) | bit(SIGSTOP);
    int own;

    for (own = 32; own < SIGRTMIN; own++) {
        never |= bit(own);
    }
    return (thread->blocked | never) == ~0ULL;
}

/* Whether the name is one of the library's threads, or of a thread that reqwest or tokio starts to
 * connect. Linux cuts names at 15 characters. */
static int is_known(const char *name)
{
    return strcmp(name, "emnify-refresh") == 0 || strcmp(name, "emnify-http") == 0 ||
           strcmp(name, "reqwest-interna") == 0 || strncmp(name, "tokio-", 6) == 0;
}

/* Checks each thread. Returns how many are called `name`. */
static int check_threads(const struct thread *threads, int count, const char *name)
{
    int named = 0;
    int i;

    for (i = 0; i < count; i++) {
        CHECK(is_known(threads[i].name));
        /* valgrind manages the masks itself; /proc shows others. */
        CHECK(check_slowness() > 1 || blocks_all(&threads[i]));
        named += strcmp(threads[i].name, name) == 0;
    }
    return named;
}

/* Returns a client that has to look up a host name. */
static emnify_client *client_of_localhost(void)
{
    const char *address = sandbox_variable("EMNIFY_BASE_PATH");
    const char *port = strrchr(address, ':');
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    char url[64];

    snprintf(url, sizeof url, "https://localhost%s", port);
    CHECK_OK(emnify_config_set_base_url(config, url, &error));
    return client_of(config);
}

static void the_threads_of_the_library_are_few_named_and_block_signals(void)
{
    struct thread threads[MOST_THREADS];
    struct thread self;
    emnify_error *error = NULL;
    emnify_client *client = client_of_localhost();
    double end = check_clock() + 15;
    char id[32];
    int refreshing = 0;
    int count = 0;
    int i;

    CHECK_NUMBER(threads_of_the_library(threads), 0);
    /* The renewal starts in 5 to 8 seconds, in the background, and takes one second. */
    sandbox_settings("{\"auth_token_lifetime\": 10}");
    CHECK_OK(authenticate(client, &error));
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\","
                  " \"milliseconds\": 1000}");
    while (!refreshing && check_clock() < end) {
        CHECK_OK(authenticate(client, &error));
        count = threads_of_the_library(threads);
        for (i = 0; i < count; i++) {
            refreshing |= strcmp(threads[i].name, "emnify-refresh") == 0;
        }
        pause_ms(20);
    }
    CHECK(refreshing);
    CHECK(count >= 2 && count <= 3);
    snprintf(id, sizeof id, "%ld", (long)getpid());
    read_thread(id, &self);
    CHECK_NUMBER(check_threads(threads, count, "emnify-refresh"), 1);
    CHECK_NUMBER(check_threads(threads, count, "emnify-http"), 0);
    CHECK(check_slowness() > 1 || self.blocked == 0);
    CHECK_OK(authenticate(client, &error));
    free_and_wait(client);
}

/* A cancellable client reuses one thread for exchanges one after the other. */
static void the_thread_of_a_cancellable_client_is_reused_and_blocks_signals(void)
{
    struct thread threads[MOST_THREADS];
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    emnify_config *config = sandbox_config();
    emnify_client *client;
    int count;
    int i;

    CHECK_OK(emnify_config_set_cancellable(config, true, &error));
    client = client_of(config);
    /* One exchange at a time: the thread needs some time to become idle. */
    CHECK_OK(authenticate(client, &error));
    for (i = 0; i < 5; i++) {
        pause_ms((long)(100 * check_slowness()));
        CHECK_OK(emnify_token_list(client, NULL, &list, &error));
        emnify_token_list_free(list);
    }
    count = threads_of_the_library(threads);
    CHECK_NUMBER(count, 2);
    CHECK_NUMBER(check_threads(threads, count, "emnify-http"), 1);
    free_and_wait(client);
}

/* Sends a large request to a server that resets the connection during it. */
static void reset_in_the_middle(void)
{
    static char username[900 * 1024];
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();
    emnify_client *client;
    int32_t status;

    memset(username, 'x', sizeof username - 1);
    CHECK_OK(emnify_config_set_user(config, username, "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_timeout_ms(config, (uint32_t)(1000 * check_slowness()), &error));
    client = client_of(config);
    status = authenticate(client, &error);
    CHECK(status == EMNIFY_ERR_NETWORK || status == EMNIFY_ERR_TIMEOUT);
    CHECK_ERROR(status, status, "cannot sign in");
    emnify_client_free(client);
}

static void a_connection_that_is_reset_does_not_end_the_process(void)
{
    struct sigaction action;
    int rounds = check_slowness() > 1 ? 2 : 20;

    sigaction(SIGPIPE, NULL, &action);
    CHECK(action.sa_handler == SIG_DFL);
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"reset_before\"}");
    while (rounds-- > 0) {
        reset_in_the_middle();
    }
    sigaction(SIGPIPE, NULL, &action);
    CHECK(action.sa_handler == SIG_DFL);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
}

/* A signal that this thread blocks must stay pending. A thread of the library that did not block it
 * would handle it. */
static void signals_stay_with_the_threads_of_the_host(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();
    struct sigaction action;
    struct timespec delay = {0, 50 * 1000 * 1000};
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
    nanosleep(&delay, NULL);
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
    RUN(the_threads_of_the_library_are_few_named_and_block_signals);
    RUN(the_thread_of_a_cancellable_client_is_reused_and_blocks_signals);
    RUN(a_connection_that_is_reset_does_not_end_the_process);
    RUN(signals_stay_with_the_threads_of_the_host);
    return check_report();
}
