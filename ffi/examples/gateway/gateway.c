/*
 * A daemon for a gateway: it keeps itself signed in to emnify, writes a reading to its endpoint at
 * a regular interval, and replaces its application token on SIGUSR1. See README.md.
 *
 *     cc gateway.c -lemnify -lpthread -o emnify-gateway
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "emnify.h"
#include "report.h"

/* The exit status for an error that needs a person: EX_CONFIG of <sysexits.h>. The unit file tells
 * systemd not to restart after it. */
#define CANNOT_WORK 78

struct gateway {
    const char *endpoint;
    const char *metrics_file; /* NULL: none is written */
    int64_t interval_ms;
    emnify_client *client;

    /* Shared by the two threads. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    bool rotate;

    /* Used only by the working thread until it is joined. */
    bool worked;
    long lost;
    int exit_status;
};

/* Logs a line. The journal reads the priority from its prefix. */
static void say(int level, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (getenv("JOURNAL_STREAM") != NULL) {
        fprintf(stderr, "<%d>%s\n", level, text);
    } else {
        fprintf(stderr, "emnify-gateway: %s%s\n",
                level == EMNIFY_LEVEL_ERROR     ? "error: "
                : level == EMNIFY_LEVEL_WARNING ? "warning: "
                                                : "",
                text);
    }
}

/* Logs the events of the session. It runs during the calls below. */
static void observe(void *user, const emnify_event *event)
{
    (void)user;
    say(emnify_event_level(event), "%s", emnify_event_message(event));
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether the error needs a change on this device, so that retries cannot help. A refused
 * certificate does not: this machine's clock may be corrected soon. */
static bool is_hopeless(int32_t status)
{
    return status == EMNIFY_ERR_INVALID_INPUT || status == EMNIFY_ERR_REJECTED ||
           status == EMNIFY_ERR_MFA_REQUIRED || status == EMNIFY_ERR_FORBIDDEN ||
           status == EMNIFY_ERR_NOT_FOUND || status == EMNIFY_ERR_VALIDATION;
}

/* Logs why a step failed. Returns how many milliseconds to wait, at least the usual interval. */
static int64_t complain(const struct gateway *gateway, const char *step, const emnify_error *error)
{
    int64_t wait = emnify_error_retry_after_ms(error);

    say(emnify_error_is_retryable(error) ? EMNIFY_LEVEL_WARNING : EMNIFY_LEVEL_ERROR, "%s: %s",
        step, emnify_error_message(error));
    show(emnify_error_message(error));
    return wait > gateway->interval_ms ? wait : gateway->interval_ms;
}

/* Writes the reading, here the system's load, as JSON. Replace this by your sensor. */
static size_t read_sensor(char *json, size_t capacity)
{
    double load = 0;
    FILE *file = fopen("/proc/loadavg", "r");
    int length;

    if (file != NULL) {
        if (fscanf(file, "%lf", &load) != 1) {
            load = 0;
        }
        fclose(file);
    }
    length = snprintf(json, capacity, "{\"tags\":\"load=%.2f,read_at=%lld\"}", load,
                      (long long)time(NULL));
    return length > 0 && (size_t)length < capacity ? (size_t)length : 0;
}

/* Sends a reading. Returns how many milliseconds to wait before the next one. A reading that cannot
 * be sent is dropped, because the next one is more current. */
static int64_t send_reading(struct gateway *gateway)
{
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_response *response = NULL;
    emnify_error *error = NULL;
    int64_t wait = gateway->interval_ms;
    char json[128];
    int32_t status;

    options.body = json;
    options.body_length = read_sensor(json, sizeof json);
    status = emnify_request(gateway->client, "PATCH", gateway->endpoint, &options, &response,
                            &error);
    if (status == EMNIFY_OK) {
        if (!gateway->worked || gateway->lost > 0) {
            say(EMNIFY_LEVEL_INFO, "readings arrive at %s (lost before: %ld)", gateway->endpoint,
                gateway->lost);
            show("readings arrive");
        }
        gateway->worked = true;
        gateway->lost = 0;
    } else if (status != EMNIFY_ERR_CANCELLED) {
        gateway->lost++;
        wait = complain(gateway, "the reading was not sent", error);
        /* After a success, the cause is probably at the server, and may be fixed there. */
        if (!gateway->worked && is_hopeless(status)) {
            say(EMNIFY_LEVEL_ERROR, "giving up: fix the cause and restart the gateway");
            gateway->exit_status = CANNOT_WORK;
        }
    }
    emnify_response_free(response);
    emnify_error_free(error);
    return wait;
}

/* Leaves the new application token in the store, which is in STATE_DIRECTORY. A later start with
 * the old one finds it there. */
static int32_t keep_in_store(void *user, const char *application_token, size_t length)
{
    (void)user;
    (void)application_token;
    (void)length;
    return 0;
}

/* Replaces the application token, in its file if possible. Returns false if it must be called
 * again. */
static bool rotate(struct gateway *gateway)
{
    emnify_rotation *rotation = NULL;
    emnify_error *error = NULL;
    bool done = true;
    emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
    int32_t status;

    if (getenv("CREDENTIALS_DIRECTORY") != NULL) {
        options.hand_over = keep_in_store; /* systemd's copy is read-only */
    }
    status = emnify_token_rotate(gateway->client, &options, &rotation, &error);
    if (status == EMNIFY_OK) {
        say(EMNIFY_LEVEL_INFO, "application token %" PRIu64 " was replaced by %" PRIu64,
            emnify_rotation_old_id(rotation), emnify_rotation_new_id(rotation));
        show("application token replaced");
    } else if (status != EMNIFY_ERR_CANCELLED) {
        complain(gateway, "the application token was not replaced", error);
        /* The next call continues where this one stopped. */
        done = !emnify_error_is_retryable(error);
    }
    emnify_rotation_free(rotation);
    emnify_error_free(error);
    return done;
}

/* Waits until `due` or until a signal arrives. Returns whether to continue; sets `*rotate` if the
 * token is to be replaced. */
static bool wait_until(struct gateway *gateway, int64_t due, bool *rotate)
{
    struct timespec end;
    bool go_on;

    end.tv_sec = (time_t)(due / 1000);
    end.tv_nsec = (long)(due % 1000) * 1000000;
    pthread_mutex_lock(&gateway->lock);
    while (!gateway->stop && !gateway->rotate &&
           pthread_cond_timedwait(&gateway->changed, &gateway->lock, &end) != ETIMEDOUT) {
    }
    *rotate = *rotate || gateway->rotate;
    gateway->rotate = false;
    go_on = !gateway->stop;
    pthread_mutex_unlock(&gateway->lock);
    return go_on;
}

/* The thread that makes the calls. */
static void *work(void *argument)
{
    struct gateway *gateway = argument;
    int64_t due = now_ms();
    bool must_rotate = false;

    while (wait_until(gateway, due, &must_rotate) && gateway->exit_status == 0) {
        if (must_rotate) {
            must_rotate = !rotate(gateway);
        }
        if (now_ms() >= due) {
            due = now_ms() + send_reading(gateway);
        }
        if (gateway->metrics_file != NULL &&
            !write_metrics(gateway->client, gateway->metrics_file)) {
            say(EMNIFY_LEVEL_WARNING, "cannot write %s", gateway->metrics_file);
        }
        if (gateway->exit_status != 0) {
            kill(getpid(), SIGTERM);
        }
    }
    return NULL;
}

/* Waits for signals while the other thread works. */
static void serve(struct gateway *gateway, const sigset_t *signals)
{
    int number = 0;

    while (sigwait(signals, &number) == 0 && number == SIGUSR1) {
        pthread_mutex_lock(&gateway->lock);
        gateway->rotate = true;
        pthread_cond_signal(&gateway->changed);
        pthread_mutex_unlock(&gateway->lock);
    }
    notify("STOPPING=1");
    pthread_mutex_lock(&gateway->lock);
    gateway->stop = true;
    pthread_cond_signal(&gateway->changed);
    pthread_mutex_unlock(&gateway->lock);
    /* Ends the call that waits for the network. */
    emnify_client_cancel(gateway->client);
}

/* Creates the client. The other settings come from the environment: see README.md. */
static int32_t make_client(struct gateway *gateway, const char *store, emnify_error **error)
{
    emnify_config *config = emnify_config_new();
    int32_t status = emnify_config_set_cancellable(config, true, error);

    if (status == EMNIFY_OK) {
        status = emnify_config_set_observer(config, observe, NULL, NULL, error);
    }
    if (status == EMNIFY_OK && store != NULL) {
        status = emnify_config_set_store(config, store, error);
    }
    if (status == EMNIFY_OK) {
        status = emnify_client_new(config, &gateway->client, error);
    }
    emnify_config_free(config);
    return status;
}

static bool read_settings(struct gateway *gateway)
{
    const char *interval = getenv("GATEWAY_INTERVAL_S");
    char *end = NULL;
    long seconds = interval == NULL ? 60 : strtol(interval, &end, 10);

    gateway->endpoint = getenv("GATEWAY_ENDPOINT");
    gateway->metrics_file = getenv("GATEWAY_METRICS_FILE");
    gateway->interval_ms = (int64_t)seconds * 1000;
    if (gateway->endpoint == NULL) {
        say(EMNIFY_LEVEL_ERROR, "GATEWAY_ENDPOINT is not set: a path such as /api/v1/endpoint/7");
    } else if (seconds < 1 || seconds > 86400 || (end != NULL && *end != '\0')) {
        say(EMNIFY_LEVEL_ERROR, "GATEWAY_INTERVAL_S must be a number of seconds from 1 to 86400");
    } else {
        return true;
    }
    return false;
}

int main(void)
{
    struct gateway gateway;
    pthread_condattr_t monotonic;
    pthread_t thread;
    emnify_error *error = NULL;
    sigset_t signals;

    memset(&gateway, 0, sizeof gateway);
    /* Threads inherit this mask, so that only sigwait() takes these signals. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    if (!read_settings(&gateway)) {
        return CANNOT_WORK;
    }
    if (make_client(&gateway, getenv("STATE_DIRECTORY"), &error) != EMNIFY_OK) {
        say(EMNIFY_LEVEL_ERROR, "cannot create the client: %s", emnify_error_message(error));
        emnify_error_free(error);
        return CANNOT_WORK;
    }
    pthread_mutex_init(&gateway.lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&gateway.changed, &monotonic);
    notify("READY=1\nSTATUS=signing in");
    if (pthread_create(&thread, NULL, work, &gateway) != 0) {
        say(EMNIFY_LEVEL_ERROR, "cannot create a thread");
        return EXIT_FAILURE;
    }
    serve(&gateway, &signals);
    pthread_join(thread, NULL);
    emnify_client_free(gateway.client);
    say(EMNIFY_LEVEL_INFO, "stopped");
    return gateway.exit_status;
}
