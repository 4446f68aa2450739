/*
 * Controls the sandbox with plain HTTP over a socket, one connection per request. Any failure here
 * ends the program, because a test that cannot control the sandbox proves nothing.
 */

#ifndef SANDBOX_H
#define SANDBOX_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SANDBOX_AUTHENTICATE "/api/v1/authenticate"
#define SANDBOX_APPLICATION_TOKEN "/api/v1/application_token"

static inline void sandbox_fail(const char *what)
{
    fprintf(stderr, "the sandbox: %s\n", what);
    exit(3);
}

/* Returns a variable that the sandbox printed and tests/c/run.sh exported. */
static inline const char *sandbox_variable(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        sandbox_fail("an environment variable is missing; run tests/c/run.sh");
    }
    return value;
}

static inline int sandbox_connect(void)
{
    struct sockaddr_in address;
    unsigned port = 0;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);

    if (sscanf(sandbox_variable("EMNIFY_SANDBOX_CONTROL"), "http://127.0.0.1:%u", &port) != 1) {
        sandbox_fail("EMNIFY_SANDBOX_CONTROL is not http://127.0.0.1:PORT");
    }
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (descriptor < 0 ||
        connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        sandbox_fail("cannot connect to EMNIFY_SANDBOX_CONTROL");
    }
    return descriptor;
}

/* Sends a request to /_sandbox and writes the body of the response to `answer`. */
static inline void sandbox_request(const char *method, const char *path, const char *body,
                                   char *answer, size_t size)
{
    static const char format[] = "%s /_sandbox%s HTTP/1.1\r\nHost: localhost\r\n"
                                 "Content-Type: application/json\r\nConnection: close\r\n"
                                 "Content-Length: %zu\r\n\r\n%s";
    char request[4096];
    char response[65536];
    size_t length = 0;
    ssize_t got;
    const char *start;
    int descriptor = sandbox_connect();
    int sent = snprintf(request, sizeof request, format, method, path, strlen(body), body);

    if (sent < 0 || (size_t)sent >= sizeof request ||
        write(descriptor, request, (size_t)sent) != sent) {
        sandbox_fail("the request could not be sent");
    }
    while (length + 1 < sizeof response &&
           (got = read(descriptor, response + length, sizeof response - 1 - length)) > 0) {
        length += (size_t)got;
    }
    close(descriptor);
    response[length] = '\0';
    start = strstr(response, "\r\n\r\n");
    if (strncmp(response, "HTTP/1.1 200", 12) != 0 || start == NULL) {
        fprintf(stderr, "%s %s %s: %s\n", method, path, body, response);
        sandbox_fail("the request was refused");
    }
    if (answer != NULL) {
        snprintf(answer, size, "%s", start + 4);
    }
}

/* Restores the state at the start: tokens, faults, settings, limits, counters. */
static inline void sandbox_reset(void)
{
    sandbox_request("POST", "/reset", "", NULL, 0);
}

/* Resets the sandbox and runs a test. */
#define RUN(test) (sandbox_reset(), check_run(test, #test))

/* Adds a fault, in JSON, such as {"path": "", "times": 1, "kind": "status", "status": 503}. */
static inline void sandbox_fault(const char *json)
{
    sandbox_request("POST", "/fault", json, NULL, 0);
}

static inline void sandbox_clear_faults(void)
{
    sandbox_request("DELETE", "/faults", "", NULL, 0);
}

/* Changes settings, in JSON, such as {"create_status": 201}. */
static inline void sandbox_settings(const char *json)
{
    sandbox_request("POST", "/settings", json, NULL, 0);
}

/* Returns the text between `start` and the next quotation mark in the response. */
static inline void sandbox_text(char *answer, const char *start, char *text, size_t size)
{
    char *found = strstr(answer, start);

    if (found == NULL) {
        sandbox_fail("the response does not contain the expected text");
    } else {
        found += strlen(start);
        found[strcspn(found, "\"")] = '\0';
        snprintf(text, size, "%s", found);
    }
}

/* Adds an application token, in JSON, and returns its value. */
static inline void sandbox_seed_token(const char *json, char *value, size_t size)
{
    char answer[4096];

    sandbox_request("POST", "/application_token", json, answer, sizeof answer);
    sandbox_text(answer, "\"application_token\":\"", value, size);
}

/* Returns the one-time code that was sent last. */
static inline void sandbox_one_time_code(char *code, size_t size)
{
    static char answer[65536];

    sandbox_request("GET", "/state", "", answer, sizeof answer);
    sandbox_text(answer, "\"one_time_code\":\"", code, size);
}

/* Returns the number of calls. An empty method or path matches any; a path may end in a star. */
static inline long sandbox_calls(const char *method, const char *path)
{
    char target[256];
    char answer[64];

    snprintf(target, sizeof target, "/calls?method=%s&path=%s", method, path);
    sandbox_request("GET", target, "", answer, sizeof answer);
    return atol(answer);
}

#endif
