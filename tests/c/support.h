/*
 * What the tests share: clients for the sandbox, and the end of every error, at which it is looked
 * at for what no error may hold. Needs POSIX.
 */

#ifndef SUPPORT_H
#define SUPPORT_H

#include <dirent.h>
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

/* A configuration for a client that gives up after so many milliseconds, more where the machine is
 * slow. */
static inline emnify_config *hasty_config(unsigned timeout_ms)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    uint32_t timeout = (uint32_t)(timeout_ms * check_slowness());

    CHECK_OK(emnify_config_set_timeout_ms(config, timeout, &error));
    return config;
}

static inline emnify_client *hasty_client(unsigned timeout_ms)
{
    return client_of(hasty_config(timeout_ms));
}

/* Signs in, and lets go of the token. */
static inline int32_t authenticate(const emnify_client *client, emnify_error **error)
{
    emnify_auth_token *auth_token = NULL;
    int32_t status = emnify_authenticate(client, &auth_token, error);

    CHECK((auth_token == NULL) == (status != EMNIFY_OK));
    emnify_auth_token_free(auth_token);
    return status;
}

/* Removes a folder of files. */
static inline void remove_folder(const char *path)
{
    char file[512];
    struct dirent *entry;
    DIR *folder = opendir(path);

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        unlink(file);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(path);
}

/* Lets so many milliseconds pass. */
static inline void pause_ms(long milliseconds)
{
    struct timespec pause;

    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

/* How many threads this process has. */
static inline int count_threads(void)
{
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

/* Frees a client that may have a renewal under way in the background, and lets that end. */
static inline void free_and_wait(emnify_client *client)
{
    double end = check_clock() + 10 * check_slowness();

    emnify_client_free(client);
    while (count_threads() > CHECK_THREADS && check_clock() < end) {
        pause_ms(20);
    }
    CHECK_NUMBER(count_threads(), CHECK_THREADS);
}

#endif
