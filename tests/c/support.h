/*
 * Shared by the tests: creates clients for the sandbox, and checks that no error contains a secret
 * before it frees the error. Needs POSIX.
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
    /* Every JWT starts with this. */
    CHECK(text == NULL || strstr(text, "eyJ") == NULL);
    CHECK(text == NULL || strstr(text, "canary") == NULL);
}

/* Checks an error, frees it and clears the variable. */
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

/* Checks that a call fails with this code and a message that starts with `start`. */
#define CHECK_ERROR(call, expected, start) \
    check_error(&error, (call), (expected), (start), __FILE__, __LINE__)

#define CHECK_OK(call) CHECK_ERROR(call, EMNIFY_OK, "")

/* Checks that a call is refused with a message that names the argument. */
#define CHECK_REFUSED(call, name) CHECK_ERROR(call, EMNIFY_ERR_INVALID_INPUT, name ": ")

/* Returns a configuration for the sandbox. */
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

/* Returns a client with this configuration, and frees the configuration. */
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

/* Returns a configuration with this timeout in milliseconds, which is extended on a slow machine.
 * */
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

/* Signs in and frees the token. */
static inline int32_t authenticate(const emnify_client *client, emnify_error **error)
{
    emnify_auth_token *auth_token = NULL;
    int32_t status = emnify_authenticate(client, &auth_token, error);

    CHECK((auth_token == NULL) == (status != EMNIFY_OK));
    emnify_auth_token_free(auth_token);
    return status;
}

/* Removes a folder and its files. */
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

/* Replaces this process by a program, with an emulator if this program needs one. */
static inline void execute(const char *program, const char *argument)
{
    const char *emulator = getenv("CHECK_EMULATOR");

    if (emulator != NULL) {
        execlp(emulator, emulator, program, argument, (char *)NULL);
    } else {
        execl(program, program, argument, (char *)NULL);
    }
    _exit(127);
}

/* Sleeps for this many milliseconds. */
static inline void pause_ms(long milliseconds)
{
    struct timespec pause;

    pause.tv_sec = milliseconds / 1000;
    pause.tv_nsec = milliseconds % 1000 * 1000000;
    nanosleep(&pause, NULL);
}

/* Returns the number of threads of this process. */
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

/* Frees a client, and waits until a renewal that it may make in the background has ended. */
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
