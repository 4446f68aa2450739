/*
 * Shared by the tests of rotations: a store directory, clients that use it, and a function that
 * takes the new application token.
 */

#ifndef ROTATION_H
#define ROTATION_H

#include <pthread.h>

#include "support.h"

/* The store directory of the current test. */
static char store[64];

/* What the function received that takes the new application token. */
struct taken {
    /* What the function returns. */
    int32_t answer;
    int times;
    int strangers;
    pthread_t thread;
    size_t length;
    char token[2048];
};

static inline int32_t take(void *user, const char *application_token, size_t length)
{
    struct taken *taken = user;

    taken->times++;
    taken->strangers += !pthread_equal(taken->thread, pthread_self());
    taken->length = length;
    snprintf(taken->token, sizeof taken->token, "%s", application_token);
    return taken->answer;
}

static inline emnify_rotate_options taken_by(struct taken *taken)
{
    emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;

    memset(taken, 0, sizeof *taken);
    taken->thread = pthread_self();
    options.hand_over = take;
    options.user = taken;
    return options;
}

static inline void count_event(void *user, const emnify_event *event)
{
    int *counts = user;

    counts[emnify_event_kind(event)]++;
    check_no_secret(emnify_event_message(event));
}

static inline void new_store(void)
{
    snprintf(store, sizeof store, "/tmp/emnify-store-XXXXXX");
    CHECK(mkdtemp(store) != NULL);
}

/* Returns a client whose application token is text. Counts its events, if `counts` is not NULL. */
static inline emnify_client *client_of_text(const char *token, int *counts)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    CHECK_OK(emnify_config_set_application_token(config, token, strlen(token), &error));
    CHECK_OK(emnify_config_set_store(config, store, &error));
    if (counts != NULL) {
        memset(counts, 0, 16 * sizeof *counts);
        CHECK_OK(emnify_config_set_observer(config, count_event, counts, NULL, &error));
    }
    return client_of(config);
}

#endif
