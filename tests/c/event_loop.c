/*
 * What a program with an event loop relies on: nothing blocks, and one descriptor tells that
 * something happened.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "support.h"

/* Longer than the limit of 1 ms on a quiet machine, and shorter than any round trip that hangs. */
#define AT_ONCE (0.1 * check_slowness())

static int32_t try_header(const emnify_client *client, char *header, emnify_error **error)
{
    double started = check_clock();
    int32_t status = emnify_try_authorization_header(client, header, 2048, NULL, error);

    CHECK(check_clock() - started < AT_ONCE);
    return status;
}

static int descriptor_of(const emnify_client *client)
{
    emnify_error *error = NULL;
    double started = check_clock();
    int32_t fd = -1;

    CHECK_OK(emnify_client_fd(client, &fd, &error));
    CHECK(check_clock() - started < AT_ONCE);
    CHECK(fd > 2 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    return fd;
}

static int is_readable(int fd, int timeout_ms)
{
    struct pollfd watched;

    watched.fd = fd;
    watched.events = POLLIN;
    watched.revents = 0;
    return poll(&watched, 1, (int)(timeout_ms * check_slowness())) == 1 &&
           watched.revents == POLLIN;
}

/* Waits for the descriptor and processes until a try says something else than PENDING. */
static int32_t settle(const emnify_client *client, int fd, char *header, emnify_error **error)
{
    int32_t status = EMNIFY_ERR_PENDING;

    while (status == EMNIFY_ERR_PENDING && is_readable(fd, 5000)) {
        emnify_error_free(*error);
        *error = NULL;
        CHECK_NUMBER(emnify_client_process(client, NULL), EMNIFY_OK);
        status = try_header(client, header, error);
    }
    return status;
}

static void the_descriptor_tells_that_a_token_arrived(void)
{
    emnify_client *client = sandbox_client();
    emnify_error *error = NULL;
    char header[2048] = "";
    int fd, i;

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\", \"times\": 1,"
                  " \"milliseconds\": 300}");
    fd = descriptor_of(client);
    CHECK(!is_readable(fd, 0));
    CHECK_ERROR(try_header(client, header, &error), EMNIFY_ERR_PENDING, "cannot sign in yet");
    CHECK_TEXT(header, "");
    CHECK_OK(settle(client, fd, header, &error));
    CHECK(strncmp(header, "Bearer eyJ", 10) == 0);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    pause_ms(50);
    CHECK_NUMBER(emnify_client_process(client, NULL), EMNIFY_OK);
    CHECK(!is_readable(fd, 50));
    CHECK_NUMBER(descriptor_of(client), fd);
    emnify_client_free(client);
    /* The thread that keeps the client signed in may still be looking at it. */
    for (i = 0; i < 1000 && fcntl(fd, F_GETFD) != -1; i++) {
        pause_ms(5);
    }
    CHECK_NUMBER(fcntl(fd, F_GETFD), -1);
}

static void the_descriptor_tells_that_an_attempt_failed(void)
{
    emnify_client *client = sandbox_client();
    emnify_error *error = NULL;
    char header[2048];
    int fd;

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"status\", \"status\": 503}");
    fd = descriptor_of(client);
    CHECK_NUMBER(settle(client, fd, header, &error), EMNIFY_ERR_SERVER);
    CHECK(emnify_error_retry_after_ms(error) > 0);
    emnify_error_free(error);
    error = NULL;
    sandbox_clear_faults();
    emnify_client_retry_now(client);
    CHECK_OK(settle(client, fd, header, &error));
    emnify_client_free(client);
}

static void the_descriptor_of_a_freed_client_stays_quiet(void)
{
    emnify_client *client = sandbox_client();
    int fd;

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\", \"times\": 1,"
                  " \"milliseconds\": 300}");
    fd = descriptor_of(client);
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) == 0) {
        pause_ms(5);
    }
    emnify_client_free(client);
    CHECK(!is_readable(fd, 1000));
}

static void count_events(void *user, const emnify_event *event)
{
    (void)event;
    ++*(int *)user;
}

static void events_wait_for_process(void)
{
    emnify_config *config = sandbox_config();
    emnify_error *error = NULL;
    emnify_client *client;
    char header[2048];
    int events = 0;
    int fd;

    CHECK_OK(emnify_config_set_observer(config, count_events, &events, NULL, &error));
    client = client_of(config);
    fd = descriptor_of(client);
    while (try_header(client, header, NULL) == EMNIFY_ERR_PENDING) {
        pause_ms(5);
    }
    CHECK_NUMBER(events, 0);
    CHECK(is_readable(fd, 5000));
    CHECK_OK(emnify_client_process(client, &error));
    CHECK_NUMBER(events, 1);
    emnify_client_free(client);
}

/* A daemon with a hanging emnify goes on with its rounds. */
static void a_loop_never_blocks_while_emnify_hangs(void)
{
    emnify_client *client = hasty_client(1000);
    emnify_error *error = NULL;
    double longest = 0;
    double end = check_clock() + 2.5 * check_slowness();
    char header[2048];
    int failures = 0;
    int fd;

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\","
                  " \"milliseconds\": 60000}");
    fd = descriptor_of(client);
    while (check_clock() < end) {
        double started;
        int ready = is_readable(fd, 5);

        started = check_clock();
        if (ready) {
            CHECK_OK(emnify_client_process(client, &error));
        }
        if (emnify_try_authorization_header(client, header, sizeof header, NULL, &error) ==
            EMNIFY_ERR_TIMEOUT) {
            failures++;
        }
        emnify_error_free(error);
        error = NULL;
        if (check_clock() - started > longest) {
            longest = check_clock() - started;
        }
    }
    printf("  longest round: %.3f ms\n", longest * 1e3);
    CHECK(longest < AT_ONCE);
    CHECK(failures > 0);
    emnify_client_free(client);
}

static void a_forked_child_asks_for_its_own_descriptor(void)
{
    emnify_client *client = sandbox_client();
    emnify_error *error = NULL;
    char header[2048];
    int fd = descriptor_of(client);
    int status = -1;
    pid_t child;

    CHECK_OK(settle(client, fd, header, &error));
    pause_ms(50);
    CHECK_OK(emnify_client_process(client, &error));
    child = fork();
    if (child == 0) {
        int32_t own = -1;
        emnify_auth_token *token = NULL;
        int is_well = emnify_client_fd(client, &own, NULL) == EMNIFY_OK && own != fd &&
                      emnify_authenticate(client, &token, NULL) == EMNIFY_OK;

        if (is_well) {
            emnify_invalidate(client, token); /* so that its thread signs in */
            is_well = is_readable((int)own, 5000);
        }
        _exit(is_well ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(!is_readable(fd, 0)); /* the child's events are not the parent's */
    emnify_client_free(client);
}

static void a_client_renews_by_itself(int uses_descriptor)
{
    emnify_config *config = sandbox_config();
    emnify_auth_token *token = NULL;
    emnify_error *error = NULL;
    emnify_client *client;
    double end = check_clock() + 20 * check_slowness();

    /* Due after 5 to 8 seconds; attempts are at least 5 seconds apart. */
    sandbox_settings("{\"auth_token_lifetime\": 10}");
    CHECK_OK(emnify_config_set_auto_renew(config, !uses_descriptor, &error));
    client = client_of(config);
    if (uses_descriptor) {
        descriptor_of(client);
    } else {
        CHECK_OK(emnify_authenticate(client, &token, &error));
        CHECK(emnify_auth_token_valid_for_ms(token) > 5000);
        CHECK(emnify_auth_token_valid_for_ms(token) <= 10000);
        emnify_auth_token_free(token);
    }
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) < 2 && check_clock() < end) {
        pause_ms(100);
    }
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    free_and_wait(client);
}

static void auto_renew_needs_no_calls(void) { a_client_renews_by_itself(0); }

static void a_client_whose_descriptor_is_in_use_renews_by_itself(void)
{
    a_client_renews_by_itself(1);
}

static void authenticating_within_a_time_takes_no_longer(void)
{
    emnify_client *client = sandbox_client();
    emnify_auth_token *token = NULL;
    emnify_error *error = NULL;
    double started = check_clock();

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\", \"times\": 1,"
                  " \"milliseconds\": 3000}");
    CHECK_ERROR(emnify_authenticate_within(client, 300, &token, &error), EMNIFY_ERR_TIMEOUT, "");
    CHECK(check_clock() - started < 1 + check_slowness());
    CHECK_REFUSED(emnify_authenticate_within(client, 0, &token, &error), "timeout_ms");
    CHECK_OK(emnify_authenticate_within(client, 20000, &token, &error));
    emnify_auth_token_free(token);
    CHECK_NUMBER(emnify_auth_token_valid_for_ms(NULL), 0);
    emnify_client_free(client);
}

static void a_loop_does_not_spin_after_its_client_was_cancelled(void)
{
    emnify_client *client = sandbox_client();
    emnify_error *error = NULL;
    int fd = descriptor_of(client);

    CHECK(is_readable(fd, 5000));
    pause_ms(50);
    emnify_client_cancel(client);
    CHECK_ERROR(emnify_client_process(client, &error), EMNIFY_ERR_CANCELLED, "");
    CHECK(!is_readable(fd, 50));
    emnify_client_free(client);
}

int main(void)
{
    RUN(the_descriptor_tells_that_a_token_arrived);
    RUN(the_descriptor_tells_that_an_attempt_failed);
    RUN(the_descriptor_of_a_freed_client_stays_quiet);
    RUN(events_wait_for_process);
    RUN(a_loop_never_blocks_while_emnify_hangs);
    RUN(a_loop_does_not_spin_after_its_client_was_cancelled);
    RUN(auto_renew_needs_no_calls);
    RUN(authenticating_within_a_time_takes_no_longer);
    /* Not under valgrind, for which a child leaks what it inherits, and which the other repeats. */
    if (check_slowness() == 1) {
        RUN(a_forked_child_asks_for_its_own_descriptor);
        RUN(a_client_whose_descriptor_is_in_use_renews_by_itself);
    }
    return check_report();
}
