/*
 * The library makes no other system calls than those that ffi/packaging/README.md lists. The
 * kernel kills a process of this test that makes one; `strace -f` shows which.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rotation.h"

/* tests/c/run.sh makes it of the list. */
static const unsigned listed[] = {
#include "listed.h"
};

/* What this program does besides: it ends, pauses, and prints. */
static const unsigned own[] = {__NR_exit_group, __NR_rt_sigreturn, __NR_clock_nanosleep,
                               __NR_restart_syscall};

/* What a thread may do that reads the clock, allocates memory and ends. */
static const unsigned idle[] = {__NR_clock_gettime, __NR_brk,    __NR_mmap, __NR_mprotect,
                                __NR_madvise,       __NR_munmap, __NR_exit, __NR_futex,
                                __NR_rt_sigprocmask};

#define MOST 200
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Kills the process when the calling thread, or one that it starts from now on, makes a system
 * call that is in neither list. */
static int allow_only(const unsigned *some, size_t count, const unsigned *more, size_t more_count)
{
    struct sock_filter filter[MOST + 3] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    struct sock_fprog program = {(unsigned short)(count + more_count + 3), filter};
    struct sock_filter kill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    size_t total = count + more_count;
    size_t i;

    if (total > MOST) {
        return 0;
    }
    for (i = 0; i < total; i++) {
        struct sock_filter equal = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0);

        equal.k = i < count ? some[i] : more[i - count];
        /* To the last instruction. */
        equal.jt = (unsigned char)(total - i);
        filter[1 + i] = equal;
    }
    filter[1 + total] = kill;
    filter[2 + total] = allow;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static char token_file[64];

/* Creates the store, and a file with the sandbox's application token. */
static void prepare(void)
{
    const char *token = sandbox_variable("EMNIFY_APPLICATION_TOKEN");
    int file;

    new_store();
    snprintf(token_file, sizeof token_file, "/tmp/emnify-token-XXXXXX");
    file = mkstemp(token_file);
    CHECK(write(file, token, strlen(token)) == (ssize_t)strlen(token));
    close(file);
}

/* Creates a client that looks up a name. */
static emnify_client *named_client(bool cancellable)
{
    const char *port = strrchr(sandbox_variable("EMNIFY_BASE_PATH"), ':');
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();
    char url[64];

    snprintf(url, sizeof url, "https://localhost%s", port);
    CHECK_OK(emnify_config_set_application_token_file(config, token_file, &error));
    CHECK_OK(emnify_config_set_base_url(config, url, &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_store(config, store, &error));
    CHECK_OK(emnify_config_set_cancellable(config, cancellable, &error));
    return client_of(config);
}

static void *get_cached_token(void *client)
{
    emnify_error *error = NULL;
    char header[4096];
    size_t length;
    int i;

    CHECK(allow_only(idle, COUNT(idle), NULL, 0));
    for (i = 0; i < 100; i++) {
        CHECK_OK(authenticate(client, &error));
        CHECK_OK(emnify_authorization_header(client, header, sizeof header, &length, &error));
    }
    return NULL;
}

static void do_everything(emnify_client *client)
{
    emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_created_token *created = NULL;
    emnify_tokens *list = NULL;
    emnify_pages *pages = NULL;
    emnify_rotation *rotation = NULL;
    const char *row = NULL;

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_invalidate(client, auth_token);
    emnify_auth_token_free(auth_token);
    CHECK_OK(authenticate(client, &error));
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    emnify_token_list_free(list);
    CHECK_OK(emnify_token_create(client, NULL, &created, &error));
    CHECK_OK(emnify_token_revoke(client, emnify_created_token_id(created), &error));
    emnify_created_token_free(created);
    CHECK_OK(emnify_paginate(client, "/api/v1/endpoint", 0, &pages, &error));
    CHECK_OK(emnify_pages_next(pages, &row, NULL, &error));
    emnify_pages_free(pages);
    CHECK_OK(emnify_token_rotate(client, &options, &rotation, &error));
    emnify_rotation_free(rotation);
}

/* Runs in its own process. */
static int run_filtered(bool cancellable)
{
    emnify_client *client;
    pthread_t thread;

    alarm(30);
    if (!allow_only(listed, COUNT(listed), own, COUNT(own))) {
        printf("skipped: no system call filters here\n");
        return 0;
    }
    client = named_client(cancellable);
    do_everything(client);
    CHECK_NUMBER(pthread_create(&thread, NULL, get_cached_token, client), 0);
    CHECK_NUMBER(pthread_join(thread, NULL), 0);
    emnify_client_free(client);
    /* Lets the client's threads end. */
    pause_ms(200);
    return check_failures;
}

static void check_filtered(bool cancellable)
{
    int status = -1;
    pid_t child;

    prepare();
    fflush(stdout);
    child = fork();
    if (child == 0) {
        status = run_filtered(cancellable);
        fflush(stdout);
        _exit(status > 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS);
    CHECK_NUMBER(status, 0);
    unlink(token_file);
    remove_folder(store);
}

static void a_client_makes_only_the_listed_system_calls(void)
{
    check_filtered(false);
}

static void a_cancellable_client_makes_only_the_listed_system_calls(void)
{
    check_filtered(true);
}

int main(void)
{
#if defined __x86_64__ || defined __aarch64__
    RUN(a_client_makes_only_the_listed_system_calls);
    RUN(a_cancellable_client_makes_only_the_listed_system_calls);
#endif
    return check_report();
}
