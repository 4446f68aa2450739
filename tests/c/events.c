/*
 * The events of a client, which arrive on the thread that calls it, and its status.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <syslog.h>

#include "support.h"

#define MOST_EVENTS 32

/* The events that an observer received. */
struct seen {
    /* The client that the observer calls, if any. */
    emnify_client *client;
    pthread_t thread;
    int strangers;
    int size;
    int32_t kind[MOST_EVENTS];
    int32_t level[MOST_EVENTS];
    int32_t code[MOST_EVENTS];
    int64_t next_attempt_ms[MOST_EVENTS];
    int64_t expires_at[MOST_EVENTS];
    char message[MOST_EVENTS][256];
    emnify_error *last_error;
};

static void see(void *user, const emnify_event *event)
{
    struct seen *seen = user;
    const emnify_error *error = emnify_event_error(event);
    const char *message = emnify_event_message(event);
    int i = seen->size;

    seen->strangers += !pthread_equal(seen->thread, pthread_self());
    if (i < MOST_EVENTS) {
        seen->kind[i] = emnify_event_kind(event);
        seen->level[i] = emnify_event_level(event);
        seen->code[i] = emnify_error_code(error);
        seen->next_attempt_ms[i] = emnify_event_next_attempt_ms(event);
        seen->expires_at[i] = emnify_event_expires_at(event);
        snprintf(seen->message[i], sizeof seen->message[i], "%s", message);
        seen->size++;
    }
    CHECK(strchr(message, '\n') == NULL);
    check_no_secret(message);
    check_no_secret(emnify_error_message(error));
    if (error != NULL) {
        emnify_error_free(seen->last_error);
        seen->last_error = emnify_error_copy(error);
    }
    if (seen->client != NULL) {
        emnify_auth_token *auth_token = NULL;
        emnify_status *status = NULL;

        CHECK(emnify_authenticate(seen->client, &auth_token, NULL) == EMNIFY_OK);
        CHECK(emnify_status_new(seen->client, &status, NULL) == EMNIFY_OK);
        CHECK(emnify_status_signed_in(status));
        emnify_auth_token_free(auth_token);
        emnify_status_free(status);
    }
}

static emnify_client *observed(emnify_config *config, struct seen *seen)
{
    emnify_error *error = NULL;

    memset(seen, 0, sizeof *seen);
    seen->thread = pthread_self();
    CHECK_OK(emnify_config_set_observer(config, see, seen, NULL, &error));
    return client_of(config);
}

static emnify_config *with_token(const char *token)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    CHECK_OK(emnify_config_set_application_token(config, token, strlen(token), &error));
    return config;
}

static void a_sign_in_is_one_event(void)
{
    struct seen seen;
    emnify_error *error = NULL;
    emnify_client *client = observed(sandbox_config(), &seen);

    CHECK_NUMBER(seen.size, 0);
    CHECK_OK(authenticate(client, &error));
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(seen.size, 1);
    CHECK_NUMBER(seen.kind[0], EMNIFY_EVENT_AUTHENTICATED);
    CHECK_NUMBER(seen.level[0], EMNIFY_LEVEL_INFO);
    CHECK_NUMBER(seen.code[0], EMNIFY_OK);
    CHECK_NUMBER(seen.next_attempt_ms[0], -1);
    CHECK(seen.expires_at[0] > (int64_t)time(NULL) + 239 * 60);
    CHECK(strncmp(seen.message[0], "signed in, until ", 17) == 0);
    CHECK_NUMBER(seen.strangers, 0);
    emnify_client_free(client);
    CHECK_NUMBER(seen.size, 1);
}

/* Checks that a failed first sign-in with this configuration is reported as an event. */
static void check_told(emnify_config *config, int32_t kind, int32_t level, int32_t code,
                       int64_t least_wait_ms)
{
    struct seen seen;
    emnify_error *error = NULL;
    emnify_client *client = observed(config, &seen);

    CHECK_ERROR(authenticate(client, &error), code, "");
    CHECK_NUMBER(seen.size, 1);
    CHECK_NUMBER(seen.kind[0], kind);
    CHECK_NUMBER(seen.level[0], level);
    CHECK_NUMBER(seen.code[0], code);
    /* -1: the next attempt is not delayed. */
    CHECK(seen.next_attempt_ms[0] >= (least_wait_ms > 0 ? least_wait_ms : -1));
    CHECK(least_wait_ms > 0 || seen.next_attempt_ms[0] == -1);
    CHECK_NUMBER(seen.expires_at[0], 0);
    /* The copy outlives the event and the client. */
    emnify_client_free(client);
    CHECK_NUMBER(emnify_error_code(seen.last_error), code);
    CHECK(strstr(seen.message[0], emnify_error_message(seen.last_error)) != NULL);
    emnify_error_free(seen.last_error);
}

static void a_failure_is_an_event_with_its_kind(void)
{
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();

    check_told(with_token("canary"), EMNIFY_EVENT_REFUSED, EMNIFY_LEVEL_ERROR, EMNIFY_ERR_REJECTED,
               59000);
    CHECK_OK(emnify_config_set_application_token_file(config, "/nonexistent", &error));
    check_told(config, EMNIFY_EVENT_CREDENTIAL_ERROR, EMNIFY_LEVEL_ERROR,
               EMNIFY_ERR_INVALID_INPUT, 0);
    sandbox_fault("{\"path\": \"\", \"times\": 1, \"kind\": \"status\", \"status\": 429}");
    check_told(sandbox_config(), EMNIFY_EVENT_BACKING_OFF, EMNIFY_LEVEL_WARNING,
               EMNIFY_ERR_RATE_LIMITED, 59000);
    sandbox_fault("{\"path\": \"\", \"times\": 1, \"kind\": \"status\", \"status\": 503,"
                  " \"headers\": {\"Retry-After\": \"100\"}}");
    check_told(sandbox_config(), EMNIFY_EVENT_REFRESH_FAILED, EMNIFY_LEVEL_WARNING,
               EMNIFY_ERR_SERVER, 99000);
}

/* Encodes as base64 without padding. */
static void encode(const char *text, char *encoded)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    int count = 0;

    for (; *text != '\0'; text++) {
        bits = bits << 8 | (unsigned char)*text;
        for (count += 8; count >= 6; count -= 6) {
            *encoded++ = digits[bits >> (count - 6) & 63];
        }
    }
    if (count > 0) {
        *encoded++ = digits[bits << (6 - count) & 63];
    }
    *encoded = '\0';
}

static void an_application_token_that_expires_soon_is_an_event(void)
{
    struct seen seen;
    emnify_error *error = NULL;
    emnify_client *client;
    char claims[64];
    char encoded[128];
    char json[256];
    char value[256];
    int64_t soon = (int64_t)time(NULL) + 10 * 86400;

    snprintf(claims, sizeof claims, "{\"iat\":1,\"exp\":%lld}", (long long)soon);
    encode(claims, encoded);
    snprintf(json, sizeof json, "{\"value\": \"eyJhbGciOiJIUzM4NCJ9.%s.c2ln\"}", encoded);
    sandbox_seed_token(json, value, sizeof value);
    client = observed(with_token(value), &seen);
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(seen.size, 2);
    CHECK_NUMBER(seen.kind[1], EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES);
    CHECK_NUMBER(seen.level[1], EMNIFY_LEVEL_WARNING);
    CHECK_NUMBER(seen.expires_at[1], soon);
    emnify_client_free(client);
}

static void events_of_the_background_wait_for_a_call(void)
{
    struct seen seen;
    emnify_error *error = NULL;
    emnify_client *client = observed(sandbox_config(), &seen);
    double end = check_clock() + 15;

    /* Renewed between five and seven seconds from now. */
    sandbox_settings("{\"auth_token_lifetime\": 8}");
    CHECK_OK(authenticate(client, &error));
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) < 2 && check_clock() < end) {
        CHECK_OK(authenticate(client, &error));
        pause_ms(10);
    }
    pause_ms((long)(300 * check_slowness()));
    CHECK_OK(authenticate(client, &error));
    CHECK(seen.size >= 2);
    CHECK_NUMBER(seen.kind[1], EMNIFY_EVENT_AUTHENTICATED);
    CHECK_NUMBER(seen.strangers, 0);
    free_and_wait(client);
}

static void an_observer_may_call_the_client(void)
{
    struct seen seen;
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = observed(sandbox_config(), &seen);

    seen.client = client;
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    CHECK_NUMBER(seen.size, 1);
    emnify_invalidate(client, auth_token);
    emnify_auth_token_free(auth_token);
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(seen.size, 2);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    emnify_client_free(client);
}

static void the_status_of_a_client_that_is_signed_in(void)
{
    emnify_error *error = NULL;
    emnify_status *status = NULL;
    emnify_client *client = sandbox_client();
    int64_t now = (int64_t)time(NULL);

    CHECK_OK(emnify_status_new(client, &status, &error));
    CHECK(!emnify_status_signed_in(status));
    CHECK_NUMBER(emnify_status_valid_until(status), 0);
    CHECK_NUMBER(emnify_status_next_attempt_ms(status), -1);
    CHECK(emnify_status_last_error(status) == NULL);
    CHECK_NUMBER(emnify_status_calls_made(status), 0);
    CHECK_NUMBER(emnify_status_last_change(status), 0);
    emnify_status_free(status);

    CHECK_OK(authenticate(client, &error));
    CHECK_OK(authenticate(client, &error));
    CHECK_OK(authenticate(client, &error));
    CHECK_OK(emnify_status_new(client, &status, NULL));
    emnify_client_free(client);
    CHECK(emnify_status_signed_in(status));
    CHECK(emnify_status_valid_until(status) > now + 239 * 60);
    CHECK(emnify_status_valid_until(status) < now + 241 * 60);
    CHECK_NUMBER(emnify_status_next_attempt_ms(status), -1);
    CHECK(emnify_status_last_error(status) == NULL);
    CHECK_NUMBER(emnify_status_calls_made(status), 1);
    CHECK(emnify_status_last_change(status) >= now - 1);
    emnify_status_free(status);
}

static void the_metrics_of_a_client(void)
{
    static char metrics[8192];
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    size_t length = 0;

    CHECK_OK(emnify_client_metrics(client, metrics, sizeof metrics, &length, &error));
    CHECK(strstr(metrics, "\nemnify_signed_in 0\n") != NULL);
    CHECK_OK(authenticate(client, &error));
    CHECK_OK(emnify_client_metrics(client, metrics, sizeof metrics, &length, &error));
    CHECK(strstr(metrics, "\nemnify_signed_in 1\n") != NULL);
    CHECK(strstr(metrics, "\nemnify_sign_in_requests_total 1\n") != NULL);
    CHECK(strcmp(metrics + length - strlen("# EOF\n"), "# EOF\n") == 0);
    CHECK_NUMBER(strlen(metrics), length);
    check_no_secret(metrics);

    length = 0;
    CHECK_NUMBER(emnify_client_metrics(client, NULL, 0, &length, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(strlen(metrics), length);
    CHECK_NUMBER(emnify_client_metrics(client, NULL, 1, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_client_metrics(NULL, metrics, 1, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    emnify_client_free(client);
}

static void the_status_of_a_client_that_is_refused(void)
{
    emnify_error *error = NULL;
    emnify_status *status = NULL;
    emnify_client *client = client_of(with_token("canary"));

    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_REJECTED, "cannot sign in");
    CHECK_OK(emnify_status_new(client, &status, &error));
    CHECK(!emnify_status_signed_in(status));
    CHECK(emnify_status_next_attempt_ms(status) > 0);
    CHECK(emnify_status_next_attempt_ms(status) <= 60000);
    CHECK_NUMBER(emnify_error_code(emnify_status_last_error(status)), EMNIFY_ERR_REJECTED);
    check_no_secret(emnify_error_message(emnify_status_last_error(status)));
    CHECK_NUMBER(emnify_status_calls_made(status), 1);
    CHECK(emnify_status_last_change(status) > 0);
    emnify_status_free(status);
    /* Refused once, it is not sent again. */
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_REJECTED, "cannot sign in");
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

static void a_kind_has_a_name(void)
{
    CHECK_TEXT(emnify_event_name(EMNIFY_EVENT_REFUSED), "EMNIFY_EVENT_REFUSED");
    CHECK_TEXT(emnify_event_name(EMNIFY_EVENT_SUCCESSOR_FOUND), "EMNIFY_EVENT_SUCCESSOR_FOUND");
    CHECK_TEXT(emnify_event_name(EMNIFY_EVENT_OLD_TOKEN_KEPT), "EMNIFY_EVENT_OLD_TOKEN_KEPT");
    CHECK_TEXT(emnify_event_name(EMNIFY_EVENT_OTHER), "EMNIFY_EVENT_OTHER");
    CHECK_TEXT(emnify_event_name(-1), "EMNIFY_EVENT_OTHER");
    CHECK_NUMBER(emnify_event_level(NULL), EMNIFY_LEVEL_INFO);
}

static void a_level_is_a_priority_of_syslog(void)
{
    CHECK_NUMBER(EMNIFY_LEVEL_INFO, LOG_INFO);
    CHECK_NUMBER(EMNIFY_LEVEL_WARNING, LOG_WARNING);
    CHECK_NUMBER(EMNIFY_LEVEL_ERROR, LOG_ERR);
}

int main(void)
{
    RUN(a_sign_in_is_one_event);
    RUN(a_failure_is_an_event_with_its_kind);
    RUN(an_application_token_that_expires_soon_is_an_event);
    RUN(events_of_the_background_wait_for_a_call);
    RUN(an_observer_may_call_the_client);
    RUN(the_status_of_a_client_that_is_signed_in);
    RUN(the_metrics_of_a_client);
    RUN(the_status_of_a_client_that_is_refused);
    RUN(a_kind_has_a_name);
    RUN(a_level_is_a_priority_of_syslog);
    return check_report();
}
