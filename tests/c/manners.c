/*
 * The library in its host process: it needs little stack, changes no settings of the process,
 * prints nothing, and works until the process has ended.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "rotation.h"

#define ENDPOINT "/api/v1/endpoint"
#define SMALL_STACK (64 * 1024)
#define DEEP "/api/v1/sim"
#define DEEPEST 32
#define MOST_VARIABLES 200

extern char **environ;

static const char *program;

/* Makes calls that succeed, and some that fail. */
static void use(emnify_client *client)
{
    static const char body[] = "{\"name\":\"gateway\",\"status\":{\"id\":0},"
                               "\"service_profile\":{\"id\":1},\"tariff_profile\":{\"id\":2}}";
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_auth_token *auth_token = NULL;
    emnify_created_token *created = NULL;
    emnify_tokens *list = NULL;
    emnify_token *own = NULL;
    emnify_response *response = NULL;
    emnify_pages *pages = NULL;
    emnify_status *status = NULL;
    emnify_error *error = NULL;
    const char *row = NULL;

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_invalidate(client, auth_token);
    emnify_auth_token_free(auth_token);
    CHECK_OK(emnify_token_create(client, NULL, &created, &error));
    CHECK_OK(emnify_token_update(client, emnify_created_token_id(created), "another", &error));
    CHECK_OK(emnify_token_revoke(client, emnify_created_token_id(created), &error));
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    CHECK_OK(emnify_token_own(client, &own, &error));
    options.body = body;
    options.body_length = sizeof body - 1;
    CHECK_OK(emnify_request(client, "POST", ENDPOINT, &options, &response, &error));
    CHECK_OK(emnify_paginate(client, ENDPOINT, 0, &pages, &error));
    CHECK_OK(emnify_pages_next(pages, &row, NULL, &error));
    CHECK_OK(emnify_status_new(client, &status, &error));
    CHECK_ERROR(emnify_token_revoke(client, 999999, &error), EMNIFY_ERR_NOT_FOUND, "cannot revoke");
    CHECK_REFUSED(emnify_authorization_header(client, NULL, 0, NULL, &error), "buffer");
    emnify_created_token_free(created);
    emnify_token_list_free(list);
    emnify_token_free(own);
    emnify_response_free(response);
    emnify_pages_free(pages);
    emnify_status_free(status);
}

/* Rotates an application token, and switches workspaces as a user. */
static void rotate_and_switch(void)
{
    struct taken taken;
    emnify_rotate_options options = taken_by(&taken);
    emnify_rotation *rotation = NULL;
    emnify_client *another = NULL;
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();
    emnify_client *client;

    new_store();
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_OK(emnify_token_rotate(client, &options, &rotation, &error));
    emnify_rotation_free(rotation);
    emnify_client_free(client);
    remove_folder(store);

    CHECK_OK(emnify_config_set_user(config, "user@example.com", "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    client = client_of(config);
    CHECK_OK(emnify_switch_workspace(client, 5678, &another, &error));
    emnify_client_free(client);
    emnify_client_free(another);
}

/* Makes the sandbox answer the next call of DEEP with nested arrays or errors. */
static void answer_with(int depth, int status, const char *open, const char *close)
{
    char fault[4000];
    size_t length = (size_t)snprintf(fault, sizeof fault,
                                     "{\"path\": \"" DEEP "\", \"times\": 1, \"kind\": \"status\","
                                     " \"status\": %d, \"body\": \"",
                                     status);
    int i;

    for (i = 0; i < 2 * depth; i++) {
        length += (size_t)snprintf(fault + length, sizeof fault - length, "%s",
                                   i < depth ? open : close);
    }
    snprintf(fault + length, sizeof fault - length, "\"}");
    sandbox_fault(fault);
}

/* Prepares hostile responses: nested as deeply as the library accepts, and more deeply. */
static void prepare_deep_answers(void)
{
    answer_with(DEEPEST, 200, "[", "]");
    answer_with(120, 200, "[", "]");
    answer_with(DEEPEST / 2, 422, "{\\\"errors\\\":[", "]}");
    answer_with(60, 422, "{\\\"errors\\\":[", "]}");
}

static void read_deep_answers(emnify_client *client)
{
    emnify_response *response = NULL;
    emnify_pages *pages = NULL;
    emnify_error *error = NULL;
    const char *row = NULL;

    CHECK_OK(emnify_paginate(client, DEEP, 0, &pages, &error));
    CHECK_OK(emnify_pages_next(pages, &row, NULL, &error));
    CHECK(row != NULL && strlen(row) == 2 * (DEEPEST - 1));
    emnify_pages_free(pages);
    CHECK_OK(emnify_paginate(client, DEEP, 0, &pages, &error));
    CHECK_ERROR(emnify_pages_next(pages, &row, NULL, &error), EMNIFY_ERR_PROTOCOL, "cannot GET");
    emnify_pages_free(pages);
    CHECK_ERROR(emnify_request(client, "GET", DEEP, NULL, &response, &error),
                EMNIFY_ERR_VALIDATION, "cannot GET");
    CHECK_ERROR(emnify_request(client, "GET", DEEP, NULL, &response, &error),
                EMNIFY_ERR_VALIDATION, "cannot GET");
}

static void *do_everything(void *unused)
{
    emnify_client *client = sandbox_client();

    (void)unused;
    use(client);
    read_deep_answers(client);
    emnify_client_free(client);
    rotate_and_switch();
    return NULL;
}

static void a_thread_with_a_small_stack_can_make_all_calls(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    size_t size = SMALL_STACK;

    /* Without optimisation or with a sanitizer, deep responses need more stack. */
    if (getenv("CHECK_DEBUG") != NULL) {
        size *= 2;
    }
#ifdef __SANITIZE_ADDRESS__
    size *= 8;
#endif
    /* 128 KiB on aarch64. */
    if (size < (size_t)PTHREAD_STACK_MIN) {
        size = (size_t)PTHREAD_STACK_MIN;
    }
    prepare_deep_answers();
    pthread_attr_init(&attributes);
    CHECK_NUMBER(pthread_attr_setstacksize(&attributes, size), 0);
    CHECK_NUMBER(pthread_create(&thread, &attributes, do_everything, NULL), 0);
    pthread_attr_destroy(&attributes);
    pthread_join(thread, NULL);
}

/* Settings of the whole process. */
struct settings {
    struct sigaction actions[65];
    sigset_t mask;
    mode_t umask;
    char folder[256];
    size_t variables;
    char *variable[MOST_VARIABLES];
};

static void note(struct settings *settings)
{
    int number;

    memset(settings, 0, sizeof *settings);
    for (number = 1; number <= 64; number++) {
        sigaction(number, NULL, &settings->actions[number]);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &settings->mask);
    settings->umask = umask(0);
    umask(settings->umask);
    CHECK(getcwd(settings->folder, sizeof settings->folder) != NULL);
    while (environ[settings->variables] != NULL && settings->variables < MOST_VARIABLES) {
        settings->variable[settings->variables] = environ[settings->variables];
        settings->variables++;
    }
}

/* How many functions were registered to run at exit, also by the library. Volatile, because
 * compilers know that atexit() calls no function of this file. */
static volatile int registered;

#ifdef __GLIBC__
int __cxa_atexit(void (*function)(void *), void *argument, void *object);

int __cxa_atexit(void (*function)(void *), void *argument, void *object)
{
    int (*real)(void (*)(void *), void *, void *);
    void *found = dlsym(RTLD_NEXT, "__cxa_atexit");

    registered++;
    memcpy(&real, &found, sizeof real);
    return real(function, argument, object);
}
#endif

static void nothing(void)
{
}

static void the_settings_of_the_process_do_not_change(void)
{
    static struct settings before;
    static struct settings after;
    int at_start;
    int number;

    registered = 0;
    CHECK_NUMBER(atexit(nothing), 0);
    at_start = registered;
#ifdef __GLIBC__
    CHECK_NUMBER(at_start, 1);
#else
    printf("  not checked: whether the library registers functions to run at exit\n");
#endif
    prepare_deep_answers();
    note(&before);
    do_everything(NULL);
    note(&after);
    CHECK_NUMBER(registered, at_start);
    for (number = 1; number <= 64; number++) {
        const struct sigaction *action = &after.actions[number];

        CHECK(action->sa_handler == before.actions[number].sa_handler);
        CHECK_NUMBER(action->sa_flags, before.actions[number].sa_flags);
    }
    CHECK(memcmp(&after.mask, &before.mask, sizeof after.mask) == 0);
    CHECK_NUMBER(after.umask, before.umask);
    CHECK_TEXT(after.folder, before.folder);
    CHECK_NUMBER(after.variables, before.variables);
    CHECK(memcmp(after.variable, before.variable, sizeof after.variable) == 0);
}

static void nothing_is_printed(void)
{
    char path[] = "/tmp/emnify-printed-XXXXXX";
    int file = mkstemp(path);
    int output = dup(1);
    int errors = dup(2);
    emnify_error *error = NULL;
    emnify_client *client;
    int failures = check_failures;

    prepare_deep_answers();
    fflush(stdout);
    dup2(file, 1);
    dup2(file, 2);
    do_everything(NULL);
    client = hasty_client(1000);
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"reset_before\"}");
    CHECK(authenticate(client, &error) != EMNIFY_OK);
    emnify_error_free(error);
    emnify_client_free(client);
    fflush(stdout);
    dup2(output, 1);
    dup2(errors, 2);
    /* The file would also contain what CHECK prints. */
    CHECK_NUMBER(check_failures, failures);
    CHECK_NUMBER(lseek(file, 0, SEEK_END), 0);
    close(file);
    close(output);
    close(errors);
    unlink(path);
}

/* The client that main() did not free. */
static emnify_client *left_behind;

/* Without optimisation the HTTP library panics here, and Rust 1.85 when it starts a thread, because
 * thread-local data is already destroyed. The call then fails as INTERNAL, which is also correct. */
static bool may_panic(void)
{
    return getenv("CHECK_DEBUG") != NULL || getenv("CHECK_RUST_1_85") != NULL;
}

static void check_at_exit(int32_t status, emnify_error **error)
{
    int panicked = may_panic() && status == EMNIFY_ERR_INTERNAL;

    check_error(error, status, panicked ? status : EMNIFY_OK, "", __FILE__, __LINE__);
}

static void call_at_exit(void)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    emnify_client *client = NULL;

    /* The first calls of a new client, and more calls of the old one. */
    CHECK_OK(emnify_client_new(NULL, &client, &error));
    check_at_exit(authenticate(client, &error), &error);
    emnify_client_free(client);
    check_at_exit(authenticate(left_behind, &error), &error);
    check_at_exit(emnify_token_list(left_behind, NULL, &list, &error), &error);
    emnify_token_list_free(list);
    emnify_client_free(left_behind);
    if (check_failures > 0) {
        fflush(stdout);
        _exit(1);
    }
}

/* Runs in its own process: main() returns, and the atexit() function calls the library. */
static int end(bool cancellable)
{
    int silent = open("/dev/null", O_WRONLY);
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    alarm((unsigned)(20 * check_slowness()));
    /* Hides the message of a panic. */
    dup2(may_panic() ? silent : 2, 2);
    if (atexit(call_at_exit) != 0) {
        return 1;
    }
    CHECK_OK(emnify_config_set_cancellable(config, cancellable, &error));
    left_behind = client_of(config);
    use(left_behind);
    return check_failures > 0;
}

static void run_to_the_end(const char *how)
{
    int status = -1;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        execute(program, how);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK_NUMBER(WEXITSTATUS(status), 0);
}

static void calls_work_after_main_has_returned(void)
{
    run_to_the_end("end");
    run_to_the_end("end cancellable");
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1) {
        return end(strcmp(argv[1], "end cancellable") == 0);
    }
    RUN(a_thread_with_a_small_stack_can_make_all_calls);
    RUN(the_settings_of_the_process_do_not_change);
    RUN(nothing_is_printed);
    RUN(calls_work_after_main_has_returned);
    return check_report();
}
