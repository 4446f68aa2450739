/*
 * A process that lacks something: it may not write files, has no threads, or was started without
 * standard descriptors. Nothing kills or blocks it, and the error says what is missing.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support.h"

static char folder[64];

/* The message of the last error of the store. */
static char store_error[512];

static void note_store_error(void *unused, const emnify_event *event)
{
    (void)unused;
    if (emnify_event_kind(event) == EMNIFY_EVENT_STORE_ERROR) {
        snprintf(store_error, sizeof store_error, "%s", emnify_event_message(event));
    }
}

static emnify_client *stored_client(void)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    store_error[0] = '\0';
    CHECK_OK(emnify_config_set_store(config, folder, &error));
    CHECK_OK(emnify_config_set_observer(config, note_store_error, NULL, NULL, &error));
    return client_of(config);
}

static void new_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/emnify-limits-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    CHECK_NUMBER(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_NUMBER(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Signs in with a store while files may have only so many bytes. The system sends SIGXFSZ, which
 * ends a process, to a thread that writes more. */
static void sign_in_with_file_size(rlim_t bytes)
{
    emnify_error *error = NULL;
    emnify_client *client;
    int32_t status;
    sigset_t blocked;
    sigset_t pending;

    new_folder();
    client = stored_client();
    limit_file_size(bytes);
    status = authenticate(client, &error);
    limit_file_size(RLIM_INFINITY);
    CHECK_OK(status);
    CHECK(strstr(store_error, "ulimit -f") != NULL);
    CHECK_NUMBER(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    CHECK_NUMBER(sigismember(&blocked, SIGXFSZ), 0);
    CHECK_NUMBER(sigpending(&pending), 0);
    CHECK_NUMBER(sigismember(&pending, SIGXFSZ), 0);
    emnify_client_free(client);

    client = stored_client();
    CHECK_OK(authenticate(client, &error));
    CHECK_TEXT(store_error, "");
    emnify_client_free(client);
    remove_folder(folder);
}

static void a_file_size_limit_ends_neither_process_nor_session(void)
{
    sign_in_with_file_size(0);
    sign_in_with_file_size(100);
}

/* Makes the system refuse new threads to the calling thread, as it does if there are too many. */
static int refuse_threads(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void *call_without_threads(void *argument)
{
    emnify_client **clients = argument;
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    int32_t fd = -1;
    double start = check_clock();

    if (!refuse_threads()) {
        printf("skipped: no system call filters here\n");
        return NULL;
    }
    CHECK_ERROR(emnify_try_authorization_header(clients[0], NULL, 0, NULL, &error),
                EMNIFY_ERR_RESOURCE, "cannot sign in: no thread can be created");
    CHECK_ERROR(emnify_client_fd(clients[0], &fd, &error), EMNIFY_ERR_RESOURCE,
                "cannot sign in: no thread can be created");
    CHECK_ERROR(authenticate(clients[0], &error), EMNIFY_ERR_RESOURCE, "cannot ");
    CHECK_ERROR(authenticate(clients[1], &error), EMNIFY_ERR_RESOURCE, "cannot ");
    /* Other calls need a sign-in, too. */
    CHECK_NUMBER(emnify_token_list(clients[0], NULL, &list, &error), EMNIFY_ERR_RESOURCE);
    CHECK(emnify_error_is_retryable(error));
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_RESOURCE, "cannot ");
    CHECK(check_clock() - start < 10 * check_slowness());
    return NULL;
}

static void a_call_without_threads_fails_and_the_next_works(void)
{
    emnify_error *error = NULL;
    emnify_config *cancellable = hasty_config(1000);
    emnify_client *clients[2];
    pthread_t thread;
    int i;

    CHECK_OK(emnify_config_set_cancellable(cancellable, true, &error));
    clients[0] = hasty_client(1000);
    clients[1] = client_of(cancellable);
    CHECK_NUMBER(pthread_create(&thread, NULL, call_without_threads, clients), 0);
    CHECK_NUMBER(pthread_join(thread, NULL), 0);
    for (i = 0; i < 2; i++) {
        emnify_client_retry_now(clients[i]);
        CHECK_OK(authenticate(clients[i], &error));
        emnify_client_free(clients[i]);
    }
}

/* Checks that a descriptor below 3 is not one of the library's connections or files. */
static void check_standard(int descriptor)
{
    char path[64];
    char target[256] = "";

    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    CHECK(readlink(path, target, sizeof target - 1) > 0);
    CHECK_TEXT(target, "/dev/null");
    /* A program that this one starts finds it closed, as before. */
    CHECK_NUMBER(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
}

/* Runs in a child. */
static void work_without_standard_descriptors(emnify_client *client)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    int output = fcntl(1, F_DUPFD, 100);
    int i;

    for (i = 0; i < 3; i++) {
        close(i);
    }
    if (client == NULL) {
        client = stored_client();
    }
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    emnify_token_list_free(list);
    for (i = 0; i < 3; i++) {
        check_standard(i);
    }
    emnify_client_free(client);
    dup2(output, 1);
    fflush(stdout);
}

/* The child reports over a pipe, because under valgrind its exit status includes leaks of memory
 * that the parent's threads owned. */
static void run_without_standard_descriptors(emnify_client *client)
{
    int failures = -1;
    int ends[2];
    pid_t child;

    fflush(stdout);
    CHECK_NUMBER(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        alarm((unsigned)(20 * check_slowness()));
        work_without_standard_descriptors(client);
        _exit(write(ends[1], &check_failures, sizeof check_failures) < 0);
    }
    close(ends[1]);
    CHECK(read(ends[0], &failures, sizeof failures) == sizeof failures);
    CHECK_NUMBER(failures, 0);
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    close(ends[0]);
}

static void no_connection_becomes_a_standard_descriptor(void)
{
    emnify_error *error = NULL;
    emnify_client *client;

    new_folder();
    run_without_standard_descriptors(NULL);
    /* As a daemon that signs in, forks, and closes them in the child. */
    client = stored_client();
    CHECK_OK(authenticate(client, &error));
    remove_folder(folder);
    sandbox_reset();
    run_without_standard_descriptors(client);
    emnify_client_free(client);
}

int main(void)
{
    RUN(no_connection_becomes_a_standard_descriptor);
    RUN(a_call_without_threads_fails_and_the_next_works);
    RUN(a_file_size_limit_ends_neither_process_nor_session);
    return check_report();
}
