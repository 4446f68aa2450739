/*
 * What the tests share: clients for the sandbox, and the end of every error, at which it is looked
 * at for what no error may hold.
 */

#ifndef SUPPORT_H
#define SUPPORT_H

#include <string.h>

#include "check.h"
#include "emnify.h"
#include "sandbox.h"

static inline void check_no_secret(const char *text)
{
    CHECK(text == NULL || strstr(text, sandbox_variable("EMNIFY_APPLICATION_TOKEN")) == NULL);
    /* Every JWT starts so. */
    CHECK(text == NULL || strstr(text, "eyJ") == NULL);
    CHECK(text == NULL || strstr(text, "canary") == NULL);
}

/* Checks an error against what it must be, frees it and clears the variable. */
static inline void check_error(emnify_error **error, int32_t status, int32_t expected,
                               const char *start, const char *file, int line)
{
    const char *message = emnify_error_message(*error);
    size_t i;

    if (status != expected) {
        check_failures++;
        printf("  %s:%d: %s instead of %s: %s\n", file, line, emnify_error_name(status),
               emnify_error_name(expected), message != NULL ? message : "");
    }
    CHECK_NUMBER(emnify_error_code(*error), status);
    if (message != NULL && strncmp(message, start, strlen(start)) != 0) {
        check_failures++;
        printf("  %s:%d: \"%s\" does not start with \"%s\"\n", file, line, message, start);
    }
    CHECK((message == NULL) == (status == EMNIFY_OK));
    CHECK(message == NULL || strchr(message, '\n') == NULL);
    check_no_secret(message);
    check_no_secret(emnify_error_api_message(*error));
    for (i = 0; i < emnify_error_nested_size(*error); i++) {
        check_no_secret(emnify_error_nested_message(*error, i));
    }
    emnify_error_free(*error);
    *error = NULL;
}

/* The call must end with `expected`, and a message that starts with `start`. */
#define CHECK_ERROR(call, expected, start) \
    check_error(&error, (call), (expected), (start), __FILE__, __LINE__)

#define CHECK_OK(call) CHECK_ERROR(call, EMNIFY_OK, "")

/* The argument must be refused by name. */
#define CHECK_REFUSED(call, name) CHECK_ERROR(call, EMNIFY_ERR_INVALID_INPUT, name ": ")

/* A configuration for the sandbox. */
static inline emnify_config *sandbox_config(void)
{
    const char *token = sandbox_variable("EMNIFY_APPLICATION_TOKEN");
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();

    CHECK_OK(emnify_config_set_application_token(config, token, strlen(token), &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    return config;
}

/* A client of the configuration, which is freed. */
static inline emnify_client *client_of(emnify_config *config)
{
    emnify_error *error = NULL;
    emnify_client *client = NULL;

    CHECK_OK(emnify_client_new(config, &client, &error));
    emnify_config_free(config);
    return client;
}

static inline emnify_client *sandbox_client(void)
{
    return client_of(sandbox_config());
}

/* A client that gives up after so many milliseconds, more where the machine is slow. */
static inline emnify_client *hasty_client(unsigned timeout_ms)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    uint32_t timeout = (uint32_t)(timeout_ms * check_slowness());

    CHECK_OK(emnify_config_set_timeout_ms(config, timeout, &error));
    return client_of(config);
}

#endif
