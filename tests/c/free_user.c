/*
 * The functions that free the pointers of observers and of functions for one-time codes: when they
 * are called, how often, and on which thread.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>

#include "support.h"

/* Counts what happens to a pointer. */
struct owned {
    pthread_t thread;
    int used;
    int freed;
};

static void observe(void *user, const emnify_event *event)
{
    struct owned *owned = user;

    (void)event;
    CHECK_NUMBER(owned->freed, 0);
    owned->used++;
}

static size_t no_code(void *user, char *code, size_t capacity)
{
    (void)code;
    (void)capacity;
    observe(user, NULL);
    return 0;
}

static void free_owned(void *user)
{
    struct owned *owned = user;

    CHECK(pthread_equal(owned->thread, pthread_self()));
    owned->freed++;
}

static struct owned own(void)
{
    struct owned owned = {pthread_self(), 0, 0};

    return owned;
}

static void set_observer(emnify_config *config, struct owned *owned)
{
    emnify_error *error = NULL;

    CHECK_OK(emnify_config_set_observer(config, observe, owned, free_owned, &error));
}

static emnify_client *new_client(const emnify_config *config)
{
    emnify_error *error = NULL;
    emnify_client *client = NULL;

    CHECK_OK(emnify_client_new(config, &client, &error));
    return client;
}

static void a_configuration_without_a_client_frees_it(void)
{
    struct owned observer = own(), mfa = own();
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    set_observer(config, &observer);
    CHECK_OK(emnify_config_set_mfa(config, no_code, &mfa, free_owned, &error));
    CHECK(observer.freed == 0 && mfa.freed == 0);
    emnify_config_free(config);
    CHECK_NUMBER(observer.freed, 1);
    CHECK_NUMBER(mfa.freed, 1);
}

static void a_replaced_one_is_freed_at_once(void)
{
    struct owned first = own(), second = own();
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    set_observer(config, &first);
    set_observer(config, &second);
    CHECK_NUMBER(first.freed, 1);
    /* A call that fails changes nothing and leaves the pointer to its caller. */
    CHECK_REFUSED(emnify_config_set_observer(config, NULL, &first, free_owned, &error), "observer");
    CHECK_REFUSED(emnify_config_set_mfa(NULL, no_code, &first, free_owned, &error), "config");
    CHECK(first.freed == 1 && second.freed == 0);
    /* Without a function to free it, the pointer stays the program's. */
    CHECK_OK(emnify_config_set_observer(config, observe, &first, NULL, &error));
    CHECK_NUMBER(second.freed, 1);
    emnify_config_free(config);
    CHECK(first.freed == 1 && second.freed == 1);
}

static void the_last_client_frees_it(void)
{
    struct owned first = own(), second = own();
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    emnify_client *client, *another, *later;

    set_observer(config, &first);
    client = new_client(config);
    another = new_client(config);
    set_observer(config, &second);
    later = new_client(config);
    emnify_config_free(config);
    emnify_client_free(client);
    CHECK_OK(authenticate(another, &error));
    CHECK(first.used == 1 && first.freed == 0);
    emnify_client_free(another);
    CHECK(first.freed == 1 && second.freed == 0);
    emnify_client_free(later);
    CHECK(first.freed == 1 && second.freed == 1);
}

static void pages_keep_it(void)
{
    struct owned observer = own();
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    emnify_client *client;
    emnify_pages *pages = NULL;
    const char *row = NULL;

    set_observer(config, &observer);
    client = client_of(config);
    CHECK_OK(emnify_paginate(client, "/api/v1/endpoint", 0, &pages, &error));
    emnify_client_free(client);
    CHECK_OK(emnify_pages_next(pages, &row, NULL, &error));
    CHECK(observer.used == 1 && observer.freed == 0);
    emnify_pages_free(pages);
    CHECK_NUMBER(observer.freed, 1);
}

static void a_client_for_another_workspace_keeps_it(void)
{
    struct owned observer = own(), mfa = own();
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();
    emnify_client *client, *other = NULL;

    CHECK_OK(emnify_config_set_user(config, "user@example.com", "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_mfa(config, no_code, &mfa, free_owned, &error));
    set_observer(config, &observer);
    client = client_of(config);
    CHECK_OK(emnify_switch_workspace(client, 5678, &other, &error));
    emnify_client_free(client);
    CHECK(observer.freed == 0 && mfa.freed == 0);
    emnify_client_free(other);
    CHECK(observer.freed == 1 && mfa.freed == 1);
}

static void a_client_that_is_not_created_does_not_free_it(void)
{
    struct owned observer = own();
    emnify_error *error = NULL;
    emnify_client *client = NULL;
    emnify_config *config = sandbox_config();

    set_observer(config, &observer);
    CHECK_OK(emnify_config_set_base_url(config, "ftp://example.com", &error));
    CHECK_ERROR(emnify_client_new(config, &client, &error), EMNIFY_ERR_INVALID_INPUT, "base_url");
    CHECK_NUMBER(observer.freed, 0);
    emnify_config_free(config);
    CHECK_NUMBER(observer.freed, 1);
}

/* Frees a client while the library is still busy for it. */
static void an_exchange_that_continues_does_not_delay_it(void)
{
    struct owned observer = own();
    emnify_error *error = NULL;
    emnify_config *config = hasty_config(300);
    emnify_client *client;

    CHECK_OK(emnify_config_set_cancellable(config, true, &error));
    set_observer(config, &observer);
    client = client_of(config);
    sandbox_fault("{\"path\": \"" SANDBOX_AUTHENTICATE "\", \"kind\": \"delay\","
                  " \"milliseconds\": 60000}");
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_TIMEOUT, "cannot sign in");
    emnify_client_free(client);
    CHECK_NUMBER(observer.freed, 1);
}

int main(void)
{
    RUN(a_configuration_without_a_client_frees_it);
    RUN(a_replaced_one_is_freed_at_once);
    RUN(the_last_client_frees_it);
    RUN(pages_keep_it);
    RUN(a_client_for_another_workspace_keeps_it);
    RUN(a_client_that_is_not_created_does_not_free_it);
    RUN(an_exchange_that_continues_does_not_delay_it);
    return check_report();
}
