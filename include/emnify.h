/*
 * emnify.h - keeps a machine signed in to emnify and manages its application tokens.
 *
 * A machine exchanges a long-lived application token for an auth token: a JWT that goes into the
 * header "Authorization: Bearer ..." of every request to emnify. This library makes the exchange,
 * caches the auth token, renews it in time, and shares it between threads and, with a store,
 * between processes. It also creates, lists, updates, checks, rotates and revokes application
 * tokens, and makes any other request to the API.
 *
 * Contents, as headings after this overview. Most programs need only the first part.
 *
 * - Signing in: status codes; errors; configuration; client; auth tokens
 * - More settings and details: details of errors; connections; events; session status; checks;
 *   event loops; cancelling calls; user credentials; other workspaces
 * - Requests to the API: one request; collections
 * - Application tokens: create; properties, update, revoke; findings; list; refused sign-ins;
 *   values that were found in public; states of a rotation; rotate
 * - Version: header and library
 *
 * A complete program:
 *
 *     #include <stdio.h>
 *     #include "emnify.h"
 *
 *     int main(void)
 *     {
 *         emnify_error *error = NULL;
 *         emnify_client *client = NULL;
 *         emnify_auth_token *auth_token = NULL;
 *
 *         // NULL: all settings come from the environment, such as EMNIFY_APPLICATION_TOKEN.
 *         if (emnify_client_new(NULL, &client, &error) != EMNIFY_OK ||
 *             emnify_authenticate(client, &auth_token, &error) != EMNIFY_OK) {
 *             fprintf(stderr, "%s\n", emnify_error_message(error));
 *         } else {
 *             printf("signed in to workspace %llu\n",
 *                    (unsigned long long)emnify_auth_token_organisation_id(auth_token));
 *             // Send "Authorization: Bearer " and emnify_auth_token_reveal(auth_token).
 *         }
 *         int failed = error != NULL;
 *         emnify_error_free(error);
 *         emnify_auth_token_free(auth_token);
 *         emnify_client_free(client);
 *         return failed;
 *     }
 *
 *     cc program.c -lemnify
 *
 * The following rules apply to all functions and are not repeated.
 *
 * Calls. A function whose last argument is `error` can fail. It returns EMNIFY_OK or one of
 * EMNIFY_ERR_..., and writes an error object to `*error`, unless `error` is NULL. A result is
 * written only on success, an error only on failure. An error that is already in the variable is
 * neither read nor freed: free it and set the variable to NULL before you use it again. A required
 * argument that is NULL fails with EMNIFY_ERR_INVALID_INPUT and a message that names the argument.
 * Compilers warn if the returned status is ignored: see EMNIFY_NODISCARD.
 *
 * Getters. All other functions return at once, send nothing and cannot fail. Getters accept NULL
 * and return NULL, 0, -1 or false, as they do for a missing value. Functions that free a handle
 * ignore NULL.
 *
 * Blocking. "Blocks" marks functions that use the network. Unless noted, they return after the
 * configured timeout at the latest, including retries and waits for other threads: see
 * emnify_config_set_timeout_ms(). Any of them can fail with:
 *
 * - EMNIFY_ERR_REJECTED, _LOCKED, _MFA_REQUIRED: the client could not sign in.
 * - EMNIFY_ERR_NETWORK, _PROXY, _TLS, _TIMEOUT, _SERVER, _RATE_LIMITED: emnify could not be reached
 *   or did not process the request. emnify_error_reason() tells where to look first.
 * - EMNIFY_ERR_PROTOCOL: the response is not what emnify's API sends.
 * - EMNIFY_ERR_INVALID_INPUT: an argument is invalid, or the credential file cannot be read.
 * - EMNIFY_ERR_CANCELLED: emnify_client_cancel() was called.
 * - EMNIFY_ERR_RESOURCE, _INTERNAL: out of threads, file descriptors or memory; a bug.
 *
 * Their comments list only further errors.
 *
 * Ownership. You own what a call writes to a pointer to a pointer, and free it with the type's free
 * function. It may outlive its client. A string or handle that a function returns, unless noted, is
 * borrowed from the handle that it was read from, and is valid until that handle is freed. Do not
 * change or free it. What you pass in is copied, except the pointers for your own functions.
 *
 * Undefined behaviour, as in any C library: to free a handle twice; to use a handle after it was
 * freed, or what is borrowed from it; to free it while another thread uses it; to pass a pointer
 * that is neither NULL nor valid for its type. The library does not detect this.
 *
 * Text and numbers. All text is UTF-8 and ends with a NUL, in both directions; it is never
 * truncated. A secret that you pass in comes with its length and needs no NUL. Secrets are wiped
 * from memory when they are freed, and messages never contain them. Times are int64_t seconds of
 * Unix time and ids are uint64_t; 0 means none. Durations are in milliseconds or seconds: _ms or _s
 * at the end of the name.
 *
 * Options. Initialise each structure of options with its macro, such as
 * EMNIFY_REQUEST_OPTIONS_INIT, and then set members. Later versions add members at the end; `size`
 * tells the library which members your program knows, so it need not be rebuilt: the others have
 * their defaults. If the program is newer than the library, members that the library does not know
 * must keep their defaults, or the call fails with EMNIFY_ERR_INVALID_INPUT.
 *
 * Timeouts. Exceptions from the client's timeout: emnify_request() takes one from its options,
 * emnify_authenticate_within() as an argument; each page of emnify_pages_next() and each request of
 * emnify_token_rotate() has the whole timeout.
 *
 * Threads. Any number of threads may use a client at the same time. emnify_config and emnify_pages
 * may be used by one thread at a time. All other handles are read-only: any thread may read them;
 * free them when no thread uses them. There is no global state to set up. A thread that calls the
 * library needs 64 KiB of stack.
 *
 * A client starts up to four threads when it has work for them; ffi/packaging/README.md lists
 * them. With emnify_config_set_cancellable() it starts one more for each simultaneous exchange with
 * the server, 64 at most by default. All these threads block all signals, so signal handlers run on
 * your threads. The library never causes SIGPIPE. Do not call it from a signal handler. A client
 * works on both sides of a fork(), whatever other threads were doing.
 *
 * pthread_cancel(). On Linux, a thread that is cancelled during a call, or in a function of yours
 * during a call, ends at its next cancellation point after the call has returned. To end the call
 * itself, use emnify_client_cancel(). Forbidden: to cancel a thread during a call on other systems,
 * and to make a call with PTHREAD_CANCEL_ASYNCHRONOUS.
 *
 * Your functions. A function that you set, such as an observer, runs on the thread that called the
 * library, before that call returns, and never on a thread of the library. It must return: it must
 * not throw an exception or call longjmp() or pthread_exit(). The pointer `user` is passed to it
 * unchanged. Any thread that uses the client may use it, and it must be valid as long as
 * emnify_free_user says. (`user` in emnify_rotate_options is used only during that call.)
 *
 * Ending. To free a client that other threads use, call emnify_client_cancel(), join the threads,
 * and free the client. A program may also exit without freeing anything, and may call the library
 * until its end, even from atexit() functions. dlclose() does not unload the shared library.
 *
 * The process. The library prints nothing, registers nothing to run at exit, and changes no signal
 * handler, environment variable or working directory. After a bug in the library, the call fails
 * with EMNIFY_ERR_INTERNAL and your program continues. Rust's runtime then prints one line to the
 * standard error stream; suppressing it would change a setting of the whole process. If the library
 * cannot allocate memory, it aborts the process; EMNIFY_ERR_RESOURCE reports what the operating
 * system refuses to a thread or a connection.
 *
 * Stability. Names, the numbers of constants and the layout of structures do not change as long as
 * the library's file is called libemnify.so.0.
 */

#ifndef EMNIFY_H
#define EMNIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Marks calls that can fail: compilers warn if their status is ignored. A program that ignores one
 * on purpose may define this as nothing before it includes the header.
 */
#ifndef EMNIFY_NODISCARD
#if (defined(__cplusplus) && __cplusplus >= 201703L) || \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#define EMNIFY_NODISCARD [[nodiscard]]
#elif defined(__GNUC__)
#define EMNIFY_NODISCARD __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#define EMNIFY_NODISCARD _Check_return_
#else
#define EMNIFY_NODISCARD
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------- */
/* Signing in: status codes                                                                       */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Success.
 */
#define EMNIFY_OK 0

/**
 * An argument is invalid; the message starts with its name. Nothing was sent.
 */
#define EMNIFY_ERR_INVALID_INPUT 1

/**
 * emnify refused the credentials: mistyped, expired, revoked, or not valid from this address.
 */
#define EMNIFY_ERR_REJECTED 2

/**
 * A one-time code is required and was not supplied.
 */
#define EMNIFY_ERR_MFA_REQUIRED 3

/**
 * The account is locked after several refused attempts. emnify_error_retry_after_ms() returns for
 * how long.
 */
#define EMNIFY_ERR_LOCKED 4

/**
 * The credentials are valid, but not allowed to do this (HTTP 403).
 */
#define EMNIFY_ERR_FORBIDDEN 5

/**
 * Not found (HTTP 404).
 */
#define EMNIFY_ERR_NOT_FOUND 6

/**
 * The request conflicts with existing data (HTTP 409).
 */
#define EMNIFY_ERR_CONFLICT 7

/**
 * The server found the request invalid (HTTP 400, 422 and other 4xx). emnify_error_nested_size()
 * and the functions after it return the details.
 */
#define EMNIFY_ERR_VALIDATION 8

/**
 * Too many calls: refused by the server (HTTP 429) or by the local rate limit.
 * emnify_error_retry_after_ms() returns how long to wait.
 */
#define EMNIFY_ERR_RATE_LIMITED 9

/**
 * The server failed (HTTP 5xx).
 */
#define EMNIFY_ERR_SERVER 10

/**
 * The response is not what emnify's API sends. It may come from a login page or a proxy.
 */
#define EMNIFY_ERR_PROTOCOL 11

/**
 * Connecting failed (unknown host, connection refused) or the connection broke.
 */
#define EMNIFY_ERR_NETWORK 12

/**
 * The server's certificate was not accepted, or this machine's clock is wrong.
 */
#define EMNIFY_ERR_TLS 13

/**
 * The time limit of the call ended.
 */
#define EMNIFY_ERR_TIMEOUT 14

/**
 * The caller cancelled the call.
 */
#define EMNIFY_ERR_CANCELLED 15

/**
 * The store failed: disk full, not writable, damaged.
 */
#define EMNIFY_ERR_STORE 16

/**
 * The rotation of an application token stopped. emnify_error_rotation_state() returns in which
 * state.
 */
#define EMNIFY_ERR_ROTATION 17

/**
 * A bug in this library.
 */
#define EMNIFY_ERR_INTERNAL 18

/**
 * The proxy refused or failed. emnify_error_http_status() returns its status, if it sent one.
 */
#define EMNIFY_ERR_PROXY 19

/**
 * The process is out of threads, file descriptors or memory.
 */
#define EMNIFY_ERR_RESOURCE 20

/**
 * A sign-in is in progress. Only emnify_try_authorization_header() returns this.
 */
#define EMNIFY_ERR_PENDING 21

/**
 * Returns the name of a status code, such as "EMNIFY_ERR_TIMEOUT", for a log. A number that this
 * version does not know returns "EMNIFY_ERR_UNKNOWN". Never NULL; the string is constant.
 */
const char *emnify_error_name(int32_t status);

/* ---------------------------------------------------------------------------------------------- */
/* Signing in: errors                                                                             */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An error: what failed, on what, why, and what to do.
 *
 * Written by a call that failed; free it with emnify_error_free(). An error returned by
 * emnify_event_error() or emnify_status_last_error() is borrowed.
 */
typedef struct emnify_error emnify_error;

/**
 * Returns the kind of the error, one of EMNIFY_ERR_...: the number that the call returned.
 * EMNIFY_OK for NULL.
 */
int32_t emnify_error_code(const emnify_error *error);

/**
 * Returns what failed and what to do: one line for a person, without a line break. It never
 * contains a secret, the query of a URL or the raw body of a response, so it may be logged.
 */
const char *emnify_error_message(const emnify_error *error);

/**
 * Returns the HTTP status of the response, such as 403; 0 if there was no response.
 */
int32_t emnify_error_http_status(const emnify_error *error);

/**
 * Returns how many milliseconds to wait before another attempt, if the server or this library sets
 * a wait; -1 if not.
 */
int64_t emnify_error_retry_after_ms(const emnify_error *error);

/**
 * Returns whether the same call may succeed later without a change. The failed call may still have
 * had an effect: the server may have processed a request that timed out.
 */
bool emnify_error_is_retryable(const emnify_error *error);

/**
 * Returns a copy of an error, to keep one that is borrowed. Free it with emnify_error_free().
 */
emnify_error *emnify_error_copy(const emnify_error *error);

/**
 * Frees an error and all strings borrowed from it.
 */
void emnify_error_free(emnify_error *error);

/* ---------------------------------------------------------------------------------------------- */
/* Signing in: configuration                                                                      */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Settings for a client. All are optional: a setting that is not set comes from an environment
 * variable or has the default that its setter names.
 *
 * Create it with emnify_config_new() and free it with emnify_config_free().
 *
 * Setters copy the value. They fail with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or a text
 * is not UTF-8, and then change nothing. Unless noted, emnify_client_new() makes all other checks.
 */
typedef struct emnify_config emnify_config;

/**
 * Creates a configuration without any setting. NULL only after a bug in this library.
 */
emnify_config *emnify_config_new(void);

/**
 * Sets the application token to sign in with: `length` bytes at `application_token`, which need no
 * NUL. Wipe your own copy when you no longer need it.
 *
 * Default: the environment variable EMNIFY_APPLICATION_TOKEN, or else the file named by
 * EMNIFY_APPLICATION_TOKEN_FILE. Call only one of emnify_config_set_application_token(),
 * emnify_config_set_application_token_file() and emnify_config_set_user().
 *
 * A token has 1 to 8,192 visible ASCII characters, without spaces or line breaks.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_application_token(emnify_config *config,
                                            const char *application_token,
                                            size_t length,
                                            emnify_error **error);

/**
 * Sets the path of a file that contains the application token; white space around the token is
 * ignored. The file is read at each sign-in and after its token was refused, so a new token is
 * used without a restart.
 *
 * Default: see emnify_config_set_application_token(). If the file cannot be read or contains no
 * token, the call that signs in fails with EMNIFY_ERR_INVALID_INPUT; a client that has read a
 * token from it before continues to use that one.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_application_token_file(emnify_config *config,
                                                 const char *application_token_file,
                                                 emnify_error **error);

/**
 * Sets where the session is kept after the process ends: the path of a directory, which is created
 * with mode 0700 if it is missing, or, if the library was built with the feature `redis`, the URL
 * of a Redis or Valkey server: `redis://`, or `rediss://` with TLS, and
 * `[user[:password]@]host[:port][/database]`; or `redis+unix:///path?db=0`. A password that is not
 * in the URL comes from the environment variable EMNIFY_STORE_PASSWORD, or else from the file that
 * EMNIFY_STORE_PASSWORD_FILE names. Any other URL fails with EMNIFY_ERR_INVALID_INPUT. `~/` at the
 * beginning is the directory in the environment variable HOME.
 *
 * Default: the environment variable EMNIFY_STORE, or else in memory only. With a store:
 *
 * - A restarted process uses the auth token that it finds in the store.
 * - Processes with the same store and credential sign in once for all.
 * - After a 429 or refused credentials, the wait before the next attempt is stored, so that a
 *   restart loop does not lock out the device.
 * - emnify_token_rotate() keeps its progress there. It needs a directory.
 *
 * Each credential has one file with mode 0600, encrypted with a key derived from the credential. A
 * file is written only when the session changes, and always as a whole.
 *
 * If the store cannot be read or written, the session continues in memory and reports
 * EMNIFY_EVENT_STORE_ERROR. This also happens if the group or others can write to the directory:
 * the event's message contains the chmod command to run, and emnify_token_rotate() fails with
 * EMNIFY_ERR_STORE. Files that root creates in another user's directory belong to that user. The
 * store's locks have no effect between two copies of this library in one process, such as this one
 * and the Python package: give each copy its own directory.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_store(emnify_config *config, const char *store, emnify_error **error);

/**
 * Frees a configuration and wipes its secrets. Clients created from it are not affected.
 */
void emnify_config_free(emnify_config *config);

/* ---------------------------------------------------------------------------------------------- */
/* Signing in: client                                                                             */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A client of emnify's API that keeps itself signed in. Any number of threads may use it at the
 * same time: one of them signs in while the others wait.
 *
 * Created by emnify_client_new() or emnify_switch_workspace(); free it with emnify_client_free().
 */
typedef struct emnify_client emnify_client;

/**
 * Checks `config` and creates a client in `*client`. With NULL, all settings come from the
 * environment. `config` is copied and may be freed.
 *
 * The client connects at its first call, which also starts its threads and reads the store. So it
 * may be created before a fork().
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT; the message contains the name of the setting or of the
 * environment variable.
 */
EMNIFY_NODISCARD
int32_t emnify_client_new(const emnify_config *config,
                          emnify_client **client,
                          emnify_error **error);

/**
 * Frees a client. No thread may be using it: see emnify_client_cancel(). Auth tokens, pages and
 * clients for other workspaces stay valid. Does not wait for the network: an exchange that is
 * still running in the background ends within its timeout and calls none of your functions.
 */
void emnify_client_free(emnify_client *client);

/* ---------------------------------------------------------------------------------------------- */
/* Signing in: auth tokens                                                                        */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An auth token, for the header "Authorization: Bearer ...".
 *
 * Returned by emnify_authenticate(); free it with emnify_auth_token_free(). It is wiped from
 * memory when all its handles are freed and the client has replaced it.
 */
typedef struct emnify_auth_token emnify_auth_token;

/**
 * Returns an auth token that is valid now in `*auth_token`: the cached one, or a new one. Call
 * this each time you need an auth token, and do not keep it: a cached token is returned at once,
 * and renewed in time. Blocks if there is no cached token.
 *
 * The first call after a random point between 50 and 75 % of the token's lifetime starts a renewal
 * in the background. Without calls nothing is renewed, unless emnify_config_set_auto_renew() was
 * set or emnify_client_fd() is in use. In the last minute of the lifetime, callers wait for the
 * renewal.
 *
 * If several threads need a new token, one signs in and the others wait for its result. Temporary
 * failures are retried, up to three attempts in all, at least 5 seconds apart, within the timeout.
 * After a failure the client backs off: calls that cannot wait that long fail at once with the
 * last error, and emnify_error_retry_after_ms() returns the time that is left. Wait that long
 * instead of calling in a loop.
 *
 * The time that your emnify_mfa function takes does not count towards the timeout.
 */
EMNIFY_NODISCARD
int32_t emnify_authenticate(const emnify_client *client,
                            emnify_auth_token **auth_token,
                            emnify_error **error);

/**
 * Returns an auth token like emnify_authenticate(), but takes at most `timeout_ms` milliseconds
 * instead of the client's timeout. 0 fails with EMNIFY_ERR_INVALID_INPUT; to never wait, call
 * emnify_try_authorization_header().
 */
EMNIFY_NODISCARD
int32_t emnify_authenticate_within(const emnify_client *client,
                                   uint32_t timeout_ms,
                                   emnify_auth_token **auth_token,
                                   emnify_error **error);

/**
 * Returns an auth token in `*auth_token` that stays valid for at least `valid_for_ms`
 * milliseconds, for a program that cannot ask for another one meanwhile. Like
 * emnify_authenticate() otherwise. Do not ask for nearly the whole lifetime of an auth token,
 * since that signs in at each call.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT if `valid_for_ms` is not less than the lifetime of emnify's
 * auth tokens.
 */
EMNIFY_NODISCARD
int32_t emnify_authenticate_for(const emnify_client *client,
                                uint32_t valid_for_ms,
                                emnify_auth_token **auth_token,
                                emnify_error **error);

/**
 * Writes the value of the header Authorization ("Bearer ", a valid auth token, and a NUL) to the
 * `capacity` bytes at `buffer`. It replaces emnify_authenticate() in code that does not allocate
 * memory. Afterwards the buffer contains a secret: wipe it. Blocks if there is no cached token.
 *
 * If `length` is not NULL, `*length` is set to the length without the NUL. If the buffer is
 * smaller than `*length` + 1 bytes, the call fails with EMNIFY_ERR_INVALID_INPUT and sets only
 * `*length`; `buffer` may be NULL if `capacity` is 0. 1,024 bytes are enough at present. The next
 * token may be longer. After any other error `*length` is unchanged.
 */
EMNIFY_NODISCARD
int32_t emnify_authorization_header(const emnify_client *client,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *length,
                                    emnify_error **error);

/**
 * Writes the value of the header Authorization, like emnify_authorization_header(), but never
 * waits. For programs with an event loop: see emnify_client_fd().
 *
 * Without a cached token it starts a sign-in on a thread of the library and fails with
 * EMNIFY_ERR_PENDING. After a failed attempt it fails with the error of that attempt until the
 * next one may start: emnify_error_retry_after_ms() returns when. With a descriptor in use that
 * attempt starts by itself, otherwise with the first call after that time.
 *
 * Other errors: EMNIFY_ERR_RESOURCE if no thread can be created; EMNIFY_ERR_MFA_REQUIRED if the
 * client signs in with user credentials and would have to call its emnify_mfa function: call
 * emnify_authenticate() on a thread that may wait. Calls none of your functions.
 */
EMNIFY_NODISCARD
int32_t emnify_try_authorization_header(const emnify_client *client,
                                        char *buffer,
                                        size_t capacity,
                                        size_t *length,
                                        emnify_error **error);

/**
 * Reports that a server refused `auth_token` (HTTP 401). If it is still the cached one, the next
 * emnify_authenticate() signs in, and returns the old token if that fails. The token must still be
 * freed. NULL is ignored.
 *
 * A report about an earlier auth token is ignored. So is a report less than a minute after the
 * previous one. This limit grows to 5 minutes if the new auth tokens are reported, too: signing in
 * does not help then.
 */
void emnify_invalidate(const emnify_client *client, const emnify_auth_token *auth_token);

/**
 * Reports a refused auth token, like emnify_invalidate(), by the `length` bytes at `text`: the
 * token's text, or the header value from emnify_authorization_header(). NULL, or a text that is
 * not the cached token, is ignored.
 */
void emnify_invalidate_text(const emnify_client *client, const char *text, size_t length);

/**
 * Ends the back-off after failed attempts to sign in. Call this when the network link comes up.
 * The back-off after a 429 or refused credentials continues, since it does not depend on the link.
 * NULL is ignored. Sends nothing.
 */
void emnify_client_retry_now(const emnify_client *client);

/**
 * Returns the token's text. It is a secret: send it, but never log it.
 */
const char *emnify_auth_token_reveal(const emnify_auth_token *auth_token);

/**
 * Returns when the token expires, in seconds of Unix time on the server's clock. Do not compare it
 * with this machine's clock, which may be wrong: emnify_authenticate() returns only valid tokens.
 */
int64_t emnify_auth_token_expires_at(const emnify_auth_token *auth_token);

/**
 * Returns for how many milliseconds the token is still valid; 0 if it has expired or is NULL. This
 * is measured with a clock that is never set and that counts while the machine is suspended. Use
 * it to schedule, for example, a reconnection with a new token.
 */
int64_t emnify_auth_token_valid_for_ms(const emnify_auth_token *auth_token);

/**
 * Returns the id of the organisation (workspace) that the token belongs to; 0 if it contains none.
 * For display only: the token's signature is not verified.
 */
uint64_t emnify_auth_token_organisation_id(const emnify_auth_token *auth_token);

/**
 * Frees an auth token. Call it once for each time emnify_authenticate() returned one.
 */
void emnify_auth_token_free(emnify_auth_token *auth_token);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: details of errors                                                   */
/* ---------------------------------------------------------------------------------------------- */

/**
 * The part that failed is not known, or the error is not about the network.
 */
#define EMNIFY_REASON_NONE 0

/**
 * The name of the host, or of the proxy, could not be looked up.
 */
#define EMNIFY_REASON_DNS 1

/**
 * No connection to the host was established: no route, refused, no answer, or a TLS handshake that
 * broke off.
 */
#define EMNIFY_REASON_CONNECT 2

/**
 * The proxy was not reached or refused, or no connection through it was established.
 */
#define EMNIFY_REASON_PROXY 3

/**
 * The server's certificate has expired.
 */
#define EMNIFY_REASON_CERTIFICATE_EXPIRED 4

/**
 * The server's certificate does not come from a trusted authority, or is invalid otherwise.
 */
#define EMNIFY_REASON_CERTIFICATE_UNTRUSTED 5

/**
 * The server's certificate is for other names.
 */
#define EMNIFY_REASON_CERTIFICATE_NAME 6

/**
 * This machine's clock is wrong, so that no certificate can be verified. The error is retryable,
 * since NTP may correct the clock.
 */
#define EMNIFY_REASON_CLOCK 7

/**
 * The request could not be written to the connection.
 */
#define EMNIFY_REASON_SEND 8

/**
 * No complete response arrived. The connection may have broken before the whole request was sent.
 */
#define EMNIFY_REASON_RECEIVE 9

/**
 * Returns the name of a reason, such as "EMNIFY_REASON_DNS", for a log. A number that this version
 * does not know returns "EMNIFY_REASON_UNKNOWN". Never NULL; the string is constant.
 */
const char *emnify_error_reason_name(int32_t reason);

/**
 * Returns which part of the exchange failed, one of EMNIFY_REASON_...: where to look first.
 * EMNIFY_REASON_NONE if that is not known.
 */
int32_t emnify_error_reason(const emnify_error *error);

/**
 * Returns the state in which a rotation stopped, one of EMNIFY_ROTATION_.... The next
 * emnify_token_rotate() continues from it. EMNIFY_ROTATION_NONE if the error is not about a
 * rotation.
 */
int32_t emnify_error_rotation_state(const emnify_error *error);

/**
 * Returns emnify's number for the error, such as 1400; 0 if the response had none. It may disagree
 * with the HTTP status.
 */
int64_t emnify_error_api_code(const emnify_error *error);

/**
 * Returns emnify's name for the error, such as "InputValidationFailed". NULL if the response had
 * none.
 */
const char *emnify_error_api_name(const emnify_error *error);

/**
 * Returns emnify's message, which emnify_error_message() also contains. NULL if the response had
 * none.
 */
const char *emnify_error_api_message(const emnify_error *error);

/**
 * Returns the number of details in emnify's error object, usually one for each invalid field. The
 * list is flat: the details of a detail follow it.
 */
size_t emnify_error_nested_size(const emnify_error *error);

/**
 * Returns the number of the detail at `index`, counted from 0. 0 if it has none or `index` is too
 * large.
 */
int64_t emnify_error_nested_code(const emnify_error *error, size_t index);

/**
 * Returns the name of the detail at `index`, such as "Required". NULL if it has none or `index` is
 * too large.
 */
const char *emnify_error_nested_name(const emnify_error *error, size_t index);

/**
 * Returns the message of the detail at `index`. NULL if it has none or `index` is too large.
 */
const char *emnify_error_nested_message(const emnify_error *error, size_t index);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: connections                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Sets the URL of the API: https, or http to this machine.
 *
 * Default: the environment variable EMNIFY_BASE_PATH, or else https://cdn.emnify.net.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_base_url(emnify_config *config,
                                   const char *base_url,
                                   emnify_error **error);

/**
 * Sets how long one call may take, in milliseconds, including all waits and retries. Must be
 * greater than 0. Default: 30,000.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_timeout_ms(emnify_config *config,
                                     uint32_t timeout_ms,
                                     emnify_error **error);

/**
 * Sets how long connecting may take, in milliseconds, within the timeout of the call. Must be
 * greater than 0. Default: 10,000.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_connect_timeout_ms(emnify_config *config,
                                             uint32_t connect_timeout_ms,
                                             emnify_error **error);

/**
 * Sets the path of a file of PEM certificates, or of a directory of such files. Only these
 * certificate authorities are trusted. emnify_client_new() reads the path and fails if there is no
 * certificate in it.
 *
 * Default: the environment variables SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE, or else
 * the system's certificates, or else a bundled set.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_ca_bundle(emnify_config *config,
                                    const char *ca_bundle,
                                    emnify_error **error);

/**
 * Sets the certificate authorities, like emnify_config_set_ca_bundle(), which it replaces, from
 * the `length` bytes of PEM certificates at `pem`. They need no NUL. Error messages call them
 * ca_bundle.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_ca_pem(emnify_config *config,
                                 const char *pem,
                                 size_t length,
                                 emnify_error **error);

/**
 * Sets the URL of an HTTP proxy, such as http://proxy.example:3128. It may contain a user name and
 * a password; messages do not repeat it.
 *
 * Default: the environment variables HTTPS_PROXY and ALL_PROXY. Hosts in NO_PROXY and this machine
 * are always reached directly.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_proxy(emnify_config *config, const char *proxy, emnify_error **error);

/**
 * Sets the network interface that all connections are made from, such as "wwan0". It may appear
 * after the client is created; without it, calls fail with EMNIFY_ERR_NETWORK. Before Linux 5.7
 * this needs the capability CAP_NET_RAW. On systems other than Linux, Android and Apple's,
 * emnify_client_new() fails with EMNIFY_ERR_INVALID_INPUT.
 *
 * Applies to connections to emnify, or to the proxy; not to looking up names or to a store in
 * Redis. Default: the system chooses.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_interface(emnify_config *config,
                                    const char *interface,
                                    emnify_error **error);

/**
 * Sets the IPv4 or IPv6 address of this machine that all connections are made from, such as
 * "192.0.2.7", for an application token that is limited to it. Only servers of the same IP version
 * are reached. Otherwise like emnify_config_set_interface(), and on all systems.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_local_address(emnify_config *config,
                                        const char *local_address,
                                        emnify_error **error);

/**
 * Sets about how many clients sign in from the same public address, from 1 to 1,000,000. emnify
 * limits sign-ins by address. After the first refusal because of that limit, a client of a fleet
 * waits for 300 s and up to 4.2 s for each client, drawn at random, instead of 300 s: then a
 * large fleet needs fewer calls, and gets signed in even if emnify counts refused calls. The first
 * attempt is never delayed.
 *
 * Default: the environment variable EMNIFY_FLEET_SIZE, or else unknown.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_fleet_size(emnify_config *config,
                                     uint32_t fleet_size,
                                     emnify_error **error);

/**
 * Sets whether calls are delayed to stay within emnify's rate limits. A call that would have to
 * wait longer than its timeout fails with EMNIFY_ERR_RATE_LIMITED. Default: true.
 *
 * The limits apply to all threads of a client together: 500 calls at once, then 5 per second
 * (2,000 in any 300 s). In addition, lists and statistics have 5 at once, then 10 per second;
 * other calls have 25 at once, then 50 per second. Signing in has limits of its own.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_pacing(emnify_config *config, bool pacing, emnify_error **error);

/**
 * Sets how often a call is repeated after temporary failures (5xx, 429, broken connections), within
 * its timeout and only if that is safe. Signing in has limits of its own. Default: 2, so three
 * attempts in all.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_retries(emnify_config *config, uint32_t retries, emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: events                                                              */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A kind of event that this version does not know.
 */
#define EMNIFY_EVENT_OTHER 0

/**
 * The client signed in. emnify_event_expires_at() returns when the auth token expires.
 */
#define EMNIFY_EVENT_AUTHENTICATED 1

/**
 * The client took a valid auth token from the store, where an earlier or another process had put
 * it. emnify_event_expires_at() returns when it expires.
 */
#define EMNIFY_EVENT_ADOPTED 2

/**
 * An attempt to sign in failed. The cached auth token is used as long as it is valid.
 * emnify_event_next_attempt_ms() returns how long until the next attempt is possible.
 */
#define EMNIFY_EVENT_REFRESH_FAILED 3

/**
 * emnify refused the credentials, which are not sent again for a while unless they change; or it
 * requires a one-time code and no function was set with emnify_config_set_mfa(). A person must
 * act.
 */
#define EMNIFY_EVENT_REFUSED 4

/**
 * emnify received too many calls or locked the account. No attempt is made for a while.
 */
#define EMNIFY_EVENT_BACKING_OFF 5

/**
 * The application token expires within 30 days, at emnify_event_expires_at(). Reported at most
 * once a day.
 */
#define EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES 6

/**
 * The store could not be read or written. The session continues without it.
 */
#define EMNIFY_EVENT_STORE_ERROR 7

/**
 * The credential file could not be read. Its last valid content is used, if there is any.
 */
#define EMNIFY_EVENT_CREDENTIAL_ERROR 8

/**
 * An earlier or another process rotated the application token. The new token is used.
 */
#define EMNIFY_EVENT_SUCCESSOR_FOUND 9

/**
 * The application token was rotated and the old one keeps working, as requested with `keep_old`.
 * The message contains the id of the old one.
 */
#define EMNIFY_EVENT_OLD_TOKEN_KEPT 10

/**
 * emnify_token_create() created an application token that never expires: if it is stolen, it works
 * until it is revoked.
 */
#define EMNIFY_EVENT_CREATED_WITHOUT_EXPIRY 11

/**
 * emnify_token_create() created an application token that may be used from any address.
 */
#define EMNIFY_EVENT_CREATED_WITHOUT_ADDRESS_RESTRICTION 12

/**
 * The refused sign-ins could not be read, or there are too many, so a list of application tokens
 * or of refused sign-ins has only what could be read.
 */
#define EMNIFY_EVENT_AUDIT_INCOMPLETE 13

/**
 * Severity: nothing is wrong. The levels are the priorities of syslog().
 */
#define EMNIFY_LEVEL_INFO 6

/**
 * Severity: something failed, but the session recovers from it or works around it.
 */
#define EMNIFY_LEVEL_WARNING 4

/**
 * Severity: something failed and will not recover without a change. A person must act.
 */
#define EMNIFY_LEVEL_ERROR 3

/**
 * An event of a session. It contains no secret. Borrowed: it is valid until the observer returns.
 */
typedef struct emnify_event emnify_event;

/**
 * A function of yours that gets the events of a session. `user` is the pointer given to
 * emnify_config_set_observer(). `event` and everything borrowed from it are valid until the
 * function returns.
 *
 * It runs shortly before a call of the client or of its pages returns, such as
 * emnify_authenticate(), emnify_status_new() or emnify_pages_next(), and in
 * emnify_client_process(); never in emnify_try_authorization_header(). Events from the background
 * wait for the next call; the last 64 are kept. It may call the client: the events of these calls
 * wait for the next call, and those that repeat what it was just told are dropped. If several
 * threads use the client, it may run on several threads at the same time.
 */
typedef void (*emnify_observer)(void *user, const emnify_event *event);

/**
 * A function of yours that frees the pointer `user` of an observer or of an emnify_mfa function.
 *
 * It is called exactly once: when the last handle that may use the pointer is freed, by
 * emnify_config_free(), emnify_client_free() or emnify_pages_free(), or when another function
 * replaces yours in the only such handle. These handles are the configuration, the clients created
 * from it, their pages, and the clients that emnify_switch_workspace() created from them. It runs
 * on the thread that made this call, before the call returns. It must not use these handles.
 */
typedef void (*emnify_free_user)(void *user);

/**
 * Sets the function that gets the events, and the pointer that is passed to it, which may be NULL.
 * `free_user` frees the pointer; NULL: the library does not free it. If this call fails, the
 * pointer remains yours. Default: no observer.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_observer(emnify_config *config,
                                   emnify_observer observer,
                                   void *user,
                                   emnify_free_user free_user,
                                   emnify_error **error);

/**
 * Returns what happened, one of EMNIFY_EVENT_....
 */
int32_t emnify_event_kind(const emnify_event *event);

/**
 * Returns the name of a kind of event, such as "EMNIFY_EVENT_REFUSED", for a log. A number that
 * this version does not know returns "EMNIFY_EVENT_OTHER". Never NULL; the string is constant.
 */
const char *emnify_event_name(int32_t kind);

/**
 * Returns the severity: EMNIFY_LEVEL_INFO, _WARNING or _ERROR, which equal LOG_INFO, LOG_WARNING
 * and LOG_ERR of <syslog.h>. An observer that logs to syslog:
 *
 *     static void log_event(void *user, const emnify_event *event)
 *     {
 *         (void)user;
 *         syslog(emnify_event_level(event), "%s", emnify_event_message(event));
 *     }
 *
 * EMNIFY_LEVEL_INFO for NULL.
 */
int32_t emnify_event_level(const emnify_event *event);

/**
 * Returns what happened and why: one line for a log, without a line break.
 */
const char *emnify_event_message(const emnify_event *event);

/**
 * Returns the error, borrowed from `event`, if something failed; NULL if not. emnify_error_copy()
 * copies it.
 */
const emnify_error *emnify_event_error(const emnify_event *event);

/**
 * Returns how many milliseconds after the event the next attempt to sign in is possible; -1 if no
 * attempt failed, or if the next one need not wait.
 */
int64_t emnify_event_next_attempt_ms(const emnify_event *event);

/**
 * Returns when the token expires that the event reports, in seconds of Unix time on the server's
 * clock: the new auth token, or the application token that expires soon. 0 for other events.
 */
int64_t emnify_event_expires_at(const emnify_event *event);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: session status                                                      */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A snapshot of a client's session, for health checks. It contains no secret. Not to be confused
 * with the status codes that calls return.
 *
 * Created by emnify_status_new(); free it with emnify_status_free().
 */
typedef struct emnify_status emnify_status;

/**
 * Writes the current state of the session of `client` to `*status`. Makes no request and does not
 * wait.
 */
EMNIFY_NODISCARD
int32_t emnify_status_new(const emnify_client *client,
                          emnify_status **status,
                          emnify_error **error);

/**
 * Returns whether the client has an auth token that is valid now and was not reported by
 * emnify_invalidate().
 */
bool emnify_status_signed_in(const emnify_status *status);

/**
 * Returns when that auth token expires, in seconds of Unix time on this machine's clock (unlike
 * emnify_auth_token_expires_at()); 0 if there is none.
 */
int64_t emnify_status_valid_until(const emnify_status *status);

/**
 * Returns how many milliseconds until the next attempt to sign in, while the client is backing
 * off; -1 if it is not.
 */
int64_t emnify_status_next_attempt_ms(const emnify_status *status);

/**
 * Returns the error of the last attempt to sign in, borrowed from `status`; NULL if it succeeded
 * or there was no attempt. emnify_error_copy() copies it.
 */
const emnify_error *emnify_status_last_error(const emnify_status *status);

/**
 * Returns how many requests this client has sent to sign in.
 */
uint64_t emnify_status_calls_made(const emnify_status *status);

/**
 * Returns when an attempt to sign in last succeeded or failed, in seconds of Unix time on this
 * machine's clock; 0 if there was no attempt.
 */
int64_t emnify_status_last_change(const emnify_status *status);

/**
 * Frees a status and the error borrowed from it.
 */
void emnify_status_free(emnify_status *status);

/**
 * Writes metrics in the OpenMetrics text format for Prometheus, and a NUL, to the `capacity` bytes
 * at `buffer`: when the auth token and the application token expire, sign-ins, their failures by
 * kind, the back-off, and when the session in the store was written. They contain no secret.
 * Makes no request, does not wait, and calls none of your functions.
 *
 * `length` and a buffer that is too small are as for emnify_authorization_header(). 8,192 bytes are
 * enough at present.
 *
 * If the application token itself does not show when it expires, a renewal in the background looks
 * that up in the list, once a day from the first call on.
 */
EMNIFY_NODISCARD
int32_t emnify_client_metrics(const emnify_client *client,
                              char *buffer,
                              size_t capacity,
                              size_t *length,
                              emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: checks                                                              */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Result of a check: it was not checked, because it was not asked for, does not apply, or needs a
 * check that failed.
 */
#define EMNIFY_CHECK_SKIPPED 0

/**
 * Result of a check: in order.
 */
#define EMNIFY_CHECK_OK 1

/**
 * Result of a check: it works, but needs attention.
 */
#define EMNIFY_CHECK_WARNING 2

/**
 * Result of a check: it does not work.
 */
#define EMNIFY_CHECK_FAILED 3

/**
 * One check: what was tried, what was found, and what to do. It contains no secret.
 */
typedef struct emnify_check emnify_check;

/**
 * The results of emnify_client_check().
 *
 * Free them with emnify_checks_free().
 */
typedef struct emnify_checks emnify_checks;

/**
 * Checks what `client` needs: the environment variables, the lookup of names, the proxy, the
 * connection, the clock, the certificate, the credential, where it may be used from, its rights,
 * and the store. Writes one result for each to `*checks`, in this order. Blocks, for the timeout
 * at most.
 *
 * It makes a request without credentials, signs in unless a cached auth token is valid, and reads
 * the list of application tokens, and the refused sign-ins if the application token is limited to
 * an address. It writes an entry to the store and removes it. `rights`: whether to check the right
 * to revoke application tokens, which a rotation needs. This writes to emnify: it sets the
 * description of the client's application token to what it is.
 *
 * A failed check is a result, not an error. Fails only with EMNIFY_ERR_CANCELLED,
 * EMNIFY_ERR_INVALID_INPUT and EMNIFY_ERR_INTERNAL.
 */
EMNIFY_NODISCARD
int32_t emnify_client_check(const emnify_client *client,
                            bool rights,
                            emnify_checks **checks,
                            emnify_error **error);

/**
 * Returns the number of checks.
 */
size_t emnify_checks_size(const emnify_checks *checks);

/**
 * Returns the check at `index`, counted from 0. Borrowed from `checks`. NULL if `index` is too
 * large.
 */
const emnify_check *emnify_checks_at(const emnify_checks *checks, size_t index);

/**
 * Returns the result: one of EMNIFY_CHECK_..., a greater number for a more serious one.
 */
int32_t emnify_check_verdict(const emnify_check *check);

/**
 * Returns what was checked: "environment", "dns", "proxy", "connection", "clock", "tls",
 * "credential", "address", "rights" or "store".
 */
const char *emnify_check_subject(const emnify_check *check);

/**
 * Returns what was tried, for a person.
 */
const char *emnify_check_tried(const emnify_check *check);

/**
 * Returns what was found, for a person.
 */
const char *emnify_check_found(const emnify_check *check);

/**
 * Returns what to do, for a person; NULL if there is nothing to do.
 */
const char *emnify_check_advice(const emnify_check *check);

/**
 * Frees the results and everything borrowed from them.
 */
void emnify_checks_free(emnify_checks *checks);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: event loops                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Sets whether a thread of the client renews the auth token on time, also without calls, and signs
 * in again after an outage. It starts at the first call that needs an auth token. Default: false;
 * then the first call after the point of renewal starts the renewal. After a fork, the child's
 * thread starts with its first call.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_auto_renew(emnify_config *config, bool auto_renew, emnify_error **error);

/**
 * Writes a descriptor for poll(), epoll or select() to `*fd`. It becomes readable when an auth
 * token arrives, when an attempt to sign in fails, and when an event waits for the observer. Then
 * call emnify_client_process() and, if you need a token, emnify_try_authorization_header(). Try
 * once before you wait: there may be a token already. From this call on, a thread of the client
 * keeps it signed in, as with emnify_config_set_auto_renew(). Never blocks.
 *
 * Later calls write the same descriptor. Do not read from it, write to it or close it. After
 * emnify_client_free() it is no longer readable, and it is closed as soon as a sign-in in progress
 * has ended. It belongs to this process: a forked child calls this function again and gets its own.
 *
 * Fails with EMNIFY_ERR_RESOURCE if no descriptor or thread can be created, and on Windows with
 * EMNIFY_ERR_INVALID_INPUT.
 */
EMNIFY_NODISCARD
int32_t emnify_client_fd(const emnify_client *client, int32_t *fd, emnify_error **error);

/**
 * Makes the descriptor of emnify_client_fd() unreadable until something else happens, and passes
 * the events to the observer, on this thread. Without a descriptor it only passes the events.
 * Takes as long as your observer does. If the client was cancelled, it does the same, and then
 * fails with EMNIFY_ERR_CANCELLED.
 */
EMNIFY_NODISCARD
int32_t emnify_client_process(const emnify_client *client, emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: cancelling calls                                                    */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Sets whether emnify_client_cancel() also ends a call that waits for a response. Default: false.
 *
 * If true, each exchange with the server runs on a thread of the library, which adds 20 to 50
 * microseconds. The calling thread waits for it and runs your functions. The thread is reused, and
 * ends after 10 idle seconds. A call without an exchange, such as emnify_authenticate() with a
 * cached auth token, is as fast as before.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_cancellable(emnify_config *config,
                                      bool cancellable,
                                      emnify_error **error);

/**
 * Sets how many exchanges with the server a cancellable client may run at the same time, each on
 * its own thread: see emnify_config_set_cancellable(). Further exchanges wait for a free thread,
 * within the timeout of their call. Default: 64; 0 counts as 1.
 *
 * A client that is not cancellable has no such limit: its exchanges run on the calling threads.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_max_exchanges(emnify_config *config,
                                        size_t max_exchanges,
                                        emnify_error **error);

/**
 * Cancels all current and later calls of `client` and of its pages. This cannot be undone. Use it
 * to end a program, or to free a client that other threads use: cancel, join these threads, free.
 *
 * Later calls fail at once with EMNIFY_ERR_CANCELLED, except emnify_status_new() and the functions
 * that read or free a handle. The auth token is no longer renewed. Clients created by
 * emnify_switch_workspace() are not cancelled.
 *
 * Current calls in other threads also fail with EMNIFY_ERR_CANCELLED:
 *
 * - A call that waits for another thread's or process's sign-in, or before a retry, ends at once.
 * - A call that waits for a response ends at once if emnify_config_set_cancellable() was set;
 *   otherwise when the response arrives or the timeout ends.
 * - A call that is running a function of yours ends when the function returns.
 *
 * A request that was already sent may still take effect. If emnify_token_create() was cancelled,
 * the new application token is revoked in the background, if its id is found and the process runs
 * long enough. A cancelled rotation continues when another client with the same store calls
 * emnify_token_rotate().
 *
 * Returns at once. May be called from any thread and from your functions, but not from a signal
 * handler: there, set a flag or write to a pipe, and let a thread call this.
 */
void emnify_client_cancel(const emnify_client *client);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: user credentials                                                    */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A function of yours that asks a person for the one-time code that emnify has just sent.
 *
 * Write the code to the `capacity` (64) bytes at `code` and return the number of bytes written. A
 * NUL is not needed, and white space around the code is ignored. Return 0 if there is no code: the
 * call then fails with EMNIFY_ERR_MFA_REQUIRED, as it does if the code is longer than `capacity`.
 * The bytes are wiped afterwards. `user` is the pointer given to emnify_config_set_mfa().
 *
 * It runs during emnify_authenticate() or another call that needs an auth token, at most once at a
 * time per client. It may wait for the person: this time does not count towards the timeout of the
 * call. Other threads that need an auth token of the client wait meanwhile, each within its own
 * timeout; so do other processes with the same store.
 *
 * It must not make a call of the same client that needs an auth token: that call would wait for
 * this function.
 */
typedef size_t (*emnify_mfa)(void *user, char *code, size_t capacity);

/**
 * Sets the user name and password of a person to sign in with, for calls that an application token
 * is not allowed to make. `username` ends with a NUL; the password is the `length` bytes at
 * `password`, which need no NUL. Wipe your own copy of the password. The library keeps and sends
 * only its SHA-1, as the API requires. Neither may be empty, and the user name may not contain
 * control characters.
 *
 * Default: if no credential is set and the environment has no application token, the environment
 * variables EMNIFY_USERNAME and EMNIFY_PASSWORD.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_user(emnify_config *config,
                               const char *username,
                               const char *password,
                               size_t length,
                               emnify_error **error);

/**
 * Sets the function that asks for one-time codes, and the pointer that is passed to it, which may
 * be NULL. `free_user` frees the pointer; NULL: the library does not free it. If this call fails,
 * the pointer remains yours.
 *
 * Default: none. A sign-in that requires a code then fails with EMNIFY_ERR_MFA_REQUIRED.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_mfa(emnify_config *config,
                              emnify_mfa mfa,
                              void *user,
                              emnify_free_user free_user,
                              emnify_error **error);

/**
 * Sets the device that the person signs in from. After a one-time code was entered on it, it needs
 * none for 90 days.
 *
 * The `length` bytes at `fingerprint` identify the device: 8 to 256 visible ASCII characters. They
 * are a secret: choose a value that is hard to guess, store it, and use it again. emnify's portal
 * shows `name` to the person.
 *
 * Default: no device.
 */
EMNIFY_NODISCARD
int32_t emnify_config_set_trusted_device(emnify_config *config,
                                         const char *fingerprint,
                                         size_t length,
                                         const char *name,
                                         emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* More settings and details: other workspaces                                                    */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Creates a client for the workspace `id` in `*new_client`, with the configuration of `client`. It
 * signs in at once, keeps itself signed in, and is freed independently of `client`, which stays in
 * its own workspace. Blocks.
 *
 * The server decides who may switch. Users may switch to the workspaces that they belong to. At
 * present the server refuses application tokens (EMNIFY_ERR_REJECTED, HTTP 401); emnify calls this
 * temporary.
 *
 * Other errors include EMNIFY_ERR_FORBIDDEN and EMNIFY_ERR_NOT_FOUND.
 */
EMNIFY_NODISCARD
int32_t emnify_switch_workspace(const emnify_client *client,
                                uint64_t id,
                                emnify_client **new_client,
                                emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* Requests to the API: one request                                                               */
/* ---------------------------------------------------------------------------------------------- */

/**
 * The response to a request that succeeded (HTTP 2xx).
 *
 * Created by emnify_request(); free it with emnify_response_free(), which wipes the body.
 */
typedef struct emnify_response emnify_response;

/**
 * A name and its value.
 */
typedef struct {
  /**
   * Never NULL.
   */
  const char *name;
  /**
   * Never NULL.
   */
  const char *value;
} emnify_pair;

/**
 * Optional parts of a request. All are copied.
 *
 * Initialise it with EMNIFY_REQUEST_OPTIONS_INIT, which sets `size`: see "Options" above.
 */
typedef struct {
  /**
   * sizeof(emnify_request_options) in the header that the program was built with.
   */
  size_t size;
  /**
   * Query parameters, added to those in the path. The library encodes them. NULL: none.
   */
  const emnify_pair *query;
  /**
   * The number of query parameters.
   */
  size_t query_size;
  /**
   * Headers. The library sets Authorization, Host and the connection's headers itself, and does
   * not accept them here. NULL: none.
   */
  const emnify_pair *headers;
  /**
   * The number of headers.
   */
  size_t headers_size;
  /**
   * The body, sent unchanged. It is JSON unless a header Content-Type says otherwise. NULL:
   * none.
   */
  const void *body;
  /**
   * The length of the body in bytes.
   */
  size_t body_length;
  /**
   * How long this call may take, in milliseconds, with all waits and retries. 0: as long as the
   * client's timeout.
   */
  uint64_t timeout_ms;
} emnify_request_options;

/**
 * Initialises the options: emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
 */
#define EMNIFY_REQUEST_OPTIONS_INIT \
    { sizeof(emnify_request_options), NULL, 0, NULL, 0, NULL, 0, 0 }

/**
 * Makes any request to the API, with the auth token of `client`, and writes the response to
 * `*response`. Blocks.
 *
 * `method` is GET, HEAD, POST, PUT, PATCH or DELETE. `path` starts with one slash, such as
 * /api/v1/sim/7, and may contain a query. It is relative to the base URL, and the auth token is
 * sent nowhere else. `options` may be NULL.
 *
 * After a 401 the client signs in and repeats the request once, if that may help. After a
 * temporary failure, GET, HEAD, PUT and DELETE are retried as often as emnify_config_set_retries()
 * allows (default: 2); POST and PATCH only if the request was not sent. Redirects are not followed.
 * A response may have up to 16 MiB.
 *
 * HTTP errors become EMNIFY_ERR_NOT_FOUND, _FORBIDDEN, _CONFLICT, _VALIDATION and so on. After
 * EMNIFY_ERR_NETWORK, _TIMEOUT or _SERVER the request may have taken effect; check before
 * retrying.
 */
EMNIFY_NODISCARD
int32_t emnify_request(const emnify_client *client,
                       const char *method,
                       const char *path,
                       const emnify_request_options *options,
                       emnify_response **response,
                       emnify_error **error);

/**
 * Returns the HTTP status, 200 to 299.
 */
int32_t emnify_response_status(const emnify_response *response);

/**
 * Returns the value of the header `name`, such as "X-Total-Count", in upper or lower case; the
 * first value if there are several. NULL if there is none or if the value is not ASCII text.
 */
const char *emnify_response_header(const emnify_response *response, const char *name);

/**
 * Returns the body, decompressed, and followed by a NUL. If `length` is not NULL, `*length` is set
 * to the length in bytes without that NUL. A body that is not text may also contain NULs. An empty
 * body is not NULL.
 */
const char *emnify_response_body(const emnify_response *response, size_t *length);

/**
 * Wipes the body, and frees the response and everything borrowed from it.
 */
void emnify_response_free(emnify_response *response);

/* ---------------------------------------------------------------------------------------------- */
/* Requests to the API: collections                                                               */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An iterator over the rows of a collection. It reads page after page and returns each row once.
 *
 * Created by emnify_paginate(); free it with emnify_pages_free(). It continues to work after its
 * client is freed.
 */
typedef struct emnify_pages emnify_pages;

/**
 * Creates an iterator over the collection at `path` in `*pages`. `path` is a path such as
 * /api/v1/sim and may contain a query. `per_page` is the number of rows to read with each request;
 * 0 means 100.
 *
 * Sends nothing; emnify_pages_next() checks the path.
 */
EMNIFY_NODISCARD
int32_t emnify_paginate(const emnify_client *client,
                        const char *path,
                        uint64_t per_page,
                        emnify_pages **pages,
                        emnify_error **error);

/**
 * Returns the next row in `*row`: its JSON as the server sent it, in one line that ends with a
 * NUL. If `length` is not NULL, `*length` is set to the length in bytes without the NUL. After the
 * last row the call succeeds, with NULL in `*row` and 0 in `*length`. Blocks when it reads the
 * next page.
 *
 * The row is borrowed from `pages` until the next call with it.
 *
 * Temporary failures are retried. Fails like emnify_request(), and with EMNIFY_ERR_PROTOCOL if the
 * response is neither a list nor an object with a list in `data`. After an error there are no more
 * rows.
 */
EMNIFY_NODISCARD
int32_t emnify_pages_next(emnify_pages *pages,
                          const char **row,
                          size_t *length,
                          emnify_error **error);

/**
 * Frees the iterator and the row borrowed from it.
 */
void emnify_pages_free(emnify_pages *pages);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: create                                                                     */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An application token that was just created. Its value is shown only once.
 *
 * Created by emnify_token_create(); free it with emnify_created_token_free(), which wipes it.
 */
typedef struct emnify_created_token emnify_created_token;

/**
 * Settings of a new application token. All are optional and copied. An expiry and an address limit
 * what a thief can do with a stolen token.
 *
 * Initialise it with EMNIFY_TOKEN_OPTIONS_INIT, which sets `size`: see "Options" above.
 */
typedef struct {
  /**
   * sizeof(emnify_token_options) in the header that the program was built with.
   */
  size_t size;
  /**
   * A label: at most 1,024 bytes, without control characters. NULL: none.
   */
  const char *description;
  /**
   * When the token expires, in the future: a date such as "2027-05-29" (00:00 UTC on that day),
   * or a time in RFC 3339 such as "2027-05-29T18:30:00Z". NULL: never.
   */
  const char *expiry_date;
  /**
   * The only address or range (CIDR) that may use the token, IPv4 or IPv6. NULL: any.
   */
  const char *ip;
  /**
   * How many seconds the token lives, instead of `expiry_date`, counted on emnify's clock; 0:
   * not set. Error messages call it expires_in.
   */
  uint64_t expires_in_s;
} emnify_token_options;

/**
 * Initialises the options: emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
 */
#define EMNIFY_TOKEN_OPTIONS_INIT \
    { sizeof(emnify_token_options), NULL, NULL, NULL, 0 }

/**
 * Creates an application token and returns it in `*created`. Its value cannot be read again later:
 * store it before you free `*created`. `options` may be NULL. Blocks.
 *
 * If the response contains no id, the library finds it by comparing the list of tokens before and
 * after. If several tokens match, it may sign in with the new one, whose auth token usually
 * contains the id. If the id stays unknown, the call still succeeds, and emnify_created_token_id()
 * returns 0.
 *
 * Other errors include EMNIFY_ERR_VALIDATION and EMNIFY_ERR_FORBIDDEN. After EMNIFY_ERR_NETWORK,
 * _TIMEOUT or _SERVER a token may exist whose value is lost: find it with emnify_token_list() and
 * revoke it.
 */
EMNIFY_NODISCARD
int32_t emnify_token_create(const emnify_client *client,
                            const emnify_token_options *options,
                            emnify_created_token **created,
                            emnify_error **error);

/**
 * Returns the application token's value. It is a secret: store it, but never log it.
 */
const char *emnify_created_token_reveal(const emnify_created_token *created);

/**
 * Returns the token's id, by which it can be revoked; 0 if it is not known. Then find the token in
 * emnify_token_list() by its description.
 */
uint64_t emnify_created_token_id(const emnify_created_token *created);

/**
 * Wipes the value and frees the handle. The application token still exists at emnify.
 */
void emnify_created_token_free(emnify_created_token *created);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: properties, update, revoke                                                 */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Status of an application token: it works until it expires.
 */
#define EMNIFY_TOKEN_ACTIVATED 0

/**
 * Status of an application token: it is permanently refused.
 */
#define EMNIFY_TOKEN_REVOKED 1

/**
 * Status of an application token: the server did not send it.
 */
#define EMNIFY_TOKEN_STATUS_UNKNOWN (-1)

/**
 * An application token's properties, without its value, which is shown only when it is created.
 * Borrowed from a list, or returned by emnify_token_own(); then free it with emnify_token_free().
 */
typedef struct emnify_token emnify_token;

/**
 * Returns the token's id.
 */
uint64_t emnify_token_id(const emnify_token *token);

/**
 * Returns the token's label. NULL if it has none.
 */
const char *emnify_token_description(const emnify_token *token);

/**
 * Returns the token's status: EMNIFY_TOKEN_ACTIVATED, EMNIFY_TOKEN_REVOKED,
 * EMNIFY_TOKEN_STATUS_UNKNOWN (also for NULL), or a number that this version does not know. An
 * expired token may still be activated.
 */
int64_t emnify_token_status(const emnify_token *token);

/**
 * Returns when the token was created, in seconds of Unix time; 0 if that is not known.
 */
int64_t emnify_token_created_at(const emnify_token *token);

/**
 * Returns when the token expires, as the server wrote it: a date, which means 00:00 UTC on that
 * day, or a time. NULL if it does not expire. emnify_token_findings() tells whether the token has
 * expired or expires soon.
 */
const char *emnify_token_expiry_date(const emnify_token *token);

/**
 * Returns the address or range that may use the token. NULL: any.
 */
const char *emnify_token_ip(const emnify_token *token);

/**
 * Returns the name of the user who created the token. NULL if it is not known.
 */
const char *emnify_token_creator(const emnify_token *token);

/**
 * Sets the label of the application token `id` to `description`: at most 1,024 bytes, without
 * control characters. Fails with EMNIFY_ERR_NOT_FOUND if there is no such token. Blocks.
 */
EMNIFY_NODISCARD
int32_t emnify_token_update(const emnify_client *client,
                            uint64_t id,
                            const char *description,
                            emnify_error **error);

/**
 * Permanently revokes the application token `id`. Auth tokens obtained with it stay valid until
 * they expire. Revoking a revoked token succeeds. Fails with EMNIFY_ERR_NOT_FOUND if there is no
 * such token. Blocks.
 */
EMNIFY_NODISCARD
int32_t emnify_token_revoke(const emnify_client *client, uint64_t id, emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: findings                                                                   */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Finding: the client signs in with this token, according to its auth token.
 */
#define EMNIFY_FINDING_OWN 1

/**
 * Finding: the token is revoked. It gets no other finding except EMNIFY_FINDING_OWN and
 * EMNIFY_FINDING_REFUSED_LATELY.
 */
#define EMNIFY_FINDING_REVOKED 2

/**
 * Finding: the token has expired. It gets no other finding except EMNIFY_FINDING_OWN and
 * EMNIFY_FINDING_REFUSED_LATELY.
 */
#define EMNIFY_FINDING_EXPIRED 4

/**
 * Finding: an unfinished rotation created the token. The next emnify_token_rotate() uses or
 * revokes it. If that rotation will not be continued, revoke the token.
 */
#define EMNIFY_FINDING_ORPHAN 8

/**
 * Finding: the token expires within `expires_within_s` of the options, or within 30 days.
 */
#define EMNIFY_FINDING_EXPIRES_SOON 16

/**
 * Finding: the token never expires, so a stolen one works until it is revoked.
 */
#define EMNIFY_FINDING_NO_EXPIRY 32

/**
 * Finding: the token may be used from any address.
 */
#define EMNIFY_FINDING_NO_ADDRESS_RESTRICTION 64

/**
 * Finding: the token is older than `older_than_s` of the options, or than 365 days, and should be
 * rotated.
 */
#define EMNIFY_FINDING_OLD 128

/**
 * Finding: this library cannot parse the token's expiry date. Read it with
 * emnify_token_expiry_date().
 */
#define EMNIFY_FINDING_UNREADABLE_EXPIRY 256

/**
 * Finding: emnify refused a sign-in with the token, or with one of the same description, within
 * `refused_within_s` of the options. If the token is revoked or expired, a machine still uses it:
 * see emnify_token_failures().
 */
#define EMNIFY_FINDING_REFUSED_LATELY 512

/**
 * Returns what was found about the token when it was read: a sum of EMNIFY_FINDING_... constants.
 * 0 if there is no known risk, and the client does not sign in with the token.
 */
uint32_t emnify_token_findings(const emnify_token *token);

/**
 * Returns the name of one finding, such as "EMNIFY_FINDING_OLD", for a log. Any other number
 * returns "EMNIFY_FINDING_UNKNOWN", also a sum of several. Never NULL; the string is constant.
 */
const char *emnify_finding_name(uint32_t finding);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: list                                                                       */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A list of application tokens, as they were when it was read.
 *
 * Created by emnify_token_list(); free it with emnify_token_list_free().
 */
typedef struct emnify_tokens emnify_tokens;

/**
 * Thresholds for EMNIFY_FINDING_EXPIRES_SOON, _OLD and _REFUSED_LATELY.
 *
 * Initialise it with EMNIFY_LIST_OPTIONS_INIT, which sets `size`: see "Options" above.
 */
typedef struct {
  /**
   * sizeof(emnify_list_options) in the header that the program was built with.
   */
  size_t size;
  /**
   * A token that expires within this many seconds gets EMNIFY_FINDING_EXPIRES_SOON. 0: 30 days.
   */
  uint64_t expires_within_s;
  /**
   * A token that was created more than this many seconds ago gets EMNIFY_FINDING_OLD. 0: 365
   * days.
   */
  uint64_t older_than_s;
  /**
   * A token with which a sign-in was refused within this many seconds gets
   * EMNIFY_FINDING_REFUSED_LATELY. It takes another call, for emnify's events; if that
   * fails, there is the event EMNIFY_EVENT_AUDIT_INCOMPLETE. 0: refused sign-ins are not read.
   */
  uint64_t refused_within_s;
} emnify_list_options;

/**
 * Initialises the options: emnify_list_options options = EMNIFY_LIST_OPTIONS_INIT;
 */
#define EMNIFY_LIST_OPTIONS_INIT \
    { sizeof(emnify_list_options), 0, 0, 0 }

/**
 * Reads all application tokens of the workspace, also expired and revoked ones, into `*list`, and
 * checks each for risks: see emnify_token_findings(). `options` may be NULL. Fails with
 * EMNIFY_ERR_FORBIDDEN if the credentials are not allowed to read them. Blocks.
 */
EMNIFY_NODISCARD
int32_t emnify_token_list(const emnify_client *client,
                          const emnify_list_options *options,
                          emnify_tokens **list,
                          emnify_error **error);

/**
 * Returns the number of application tokens in the list.
 */
size_t emnify_token_list_size(const emnify_tokens *list);

/**
 * Returns the application token at `index`, counted from 0, in the server's order. Borrowed from
 * `list`. NULL if `index` is too large.
 */
const emnify_token *emnify_token_list_at(const emnify_tokens *list, size_t index);

/**
 * Frees a list and everything borrowed from it.
 */
void emnify_token_list_free(emnify_tokens *list);

/**
 * Reads the properties of the application token that `client` signs in with, such as its
 * description and expiry, into `*token`; free it with emnify_token_free(). `*token` is set to NULL
 * if the auth token does not contain the application token's id, for example with user
 * credentials. Fails like emnify_token_list(). Blocks.
 */
EMNIFY_NODISCARD
int32_t emnify_token_own(const emnify_client *client, emnify_token **token, emnify_error **error);

/**
 * Frees the application token that emnify_token_own() returned.
 */
void emnify_token_free(emnify_token *token);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: refused sign-ins                                                           */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A sign-in with an application token that emnify refused. emnify describes it in a sentence; what
 * this library cannot parse is NULL or 0. Borrowed from a list.
 */
typedef struct emnify_failure emnify_failure;

/**
 * A list of refused sign-ins.
 *
 * Created by emnify_token_failures(); free it with emnify_token_failures_free().
 */
typedef struct emnify_failures emnify_failures;

/**
 * Reads into `*failures` which sign-ins with application tokens emnify refused, of all machines in
 * the workspace, the latest first: those of the last `since_s` seconds, counted on emnify's clock;
 * 0: all that emnify keeps, which are those of 30 days. After a rotation they tell which machines
 * still use the old token. At most 20 pages of 100 are read: if there are more, there is the event
 * EMNIFY_EVENT_AUDIT_INCOMPLETE, and those that are missing need not be the oldest. Fails with
 * EMNIFY_ERR_FORBIDDEN if the credentials are not allowed to read them. Blocks.
 */
EMNIFY_NODISCARD
int32_t emnify_token_failures(const emnify_client *client,
                              uint64_t since_s,
                              emnify_failures **failures,
                              emnify_error **error);

/**
 * Returns the number of refused sign-ins in the list.
 */
size_t emnify_token_failures_size(const emnify_failures *failures);

/**
 * Returns the refused sign-in at `index`, counted from 0. Borrowed from `failures`. NULL if `index`
 * is too large.
 */
const emnify_failure *emnify_token_failures_at(const emnify_failures *failures, size_t index);

/**
 * Frees a list and everything borrowed from it.
 */
void emnify_token_failures_free(emnify_failures *failures);

/**
 * Returns when the sign-in was refused, in seconds of Unix time; 0 if that is not known.
 */
int64_t emnify_failure_time(const emnify_failure *failure);

/**
 * Returns what emnify wrote about it, at most 500 characters, without control characters. NULL only
 * for NULL.
 */
const char *emnify_failure_description(const emnify_failure *failure);

/**
 * Returns the name of the application token: its description. NULL if it is not known.
 */
const char *emnify_failure_token_name(const emnify_failure *failure);

/**
 * Returns how many application tokens it can have been: several if they have the same description,
 * 0 if no token has this name or the list of tokens cannot be read.
 */
size_t emnify_failure_token_count(const emnify_failure *failure);

/**
 * Returns the id of the application token at `index`, counted from 0; 0 if `index` is too large.
 */
uint64_t emnify_failure_token_id(const emnify_failure *failure, size_t index);

/**
 * Returns the id of the application token that probably replaced the refused one: that one is
 * revoked, and this is the only active token with its description. 0 if there is none.
 */
uint64_t emnify_failure_successor_id(const emnify_failure *failure);

/**
 * Returns why emnify refused it, in its words, such as "TokenStatus Revoked". NULL if it is not
 * known.
 */
const char *emnify_failure_reason(const emnify_failure *failure);

/**
 * Returns the address from which the sign-in came. NULL if it is not known.
 */
const char *emnify_failure_address(const emnify_failure *failure);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: values that were found in public                                           */
/* ---------------------------------------------------------------------------------------------- */

/**
 * What an application token says about itself. Nothing of it is verified: anyone can write such a
 * text.
 *
 * Created by emnify_token_inspect(); free it with emnify_token_claims_free().
 */
typedef struct emnify_token_claims emnify_token_claims;

/**
 * Reads the properties of the application token with this value into `*token`, to revoke one that
 * was found in public; free it with emnify_token_free(). It signs in with the value once, because
 * only emnify knows whether the id that the value claims is right; a token that the list shows as
 * revoked is returned without that.
 *
 * Check emnify_token_findings() before you revoke it: with EMNIFY_FINDING_OWN it is the token that
 * `client` signs in with.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT if the value cannot be an application token or is an auth
 * token, EMNIFY_ERR_REJECTED if emnify refuses it because it is expired, restricted to other
 * addresses or none of emnify's, EMNIFY_ERR_NOT_FOUND if it belongs to another workspace or emnify
 * does not tell its id, and like emnify_token_list(). Blocks.
 */
EMNIFY_NODISCARD
int32_t emnify_token_identify(const emnify_client *client,
                              const char *value,
                              size_t length,
                              emnify_token **token,
                              emnify_error **error);

/**
 * Reads what the value of an application token says about itself into `*claims`, without a
 * connection. `*claims` is set to NULL if the value is opaque; emnify_token_identify() asks emnify.
 */
EMNIFY_NODISCARD
int32_t emnify_token_inspect(const char *value,
                             size_t length,
                             emnify_token_claims **claims,
                             emnify_error **error);

/**
 * Returns the id of the application token, or of the one that an auth token was obtained with; 0 if
 * it is not known.
 */
uint64_t emnify_token_claims_id(const emnify_token_claims *claims);

/**
 * Returns the id of the workspace; 0 if it is not known.
 */
uint64_t emnify_token_claims_organisation_id(const emnify_token_claims *claims);

/**
 * Returns when the token was created, in seconds of Unix time; 0 if that is not known.
 */
int64_t emnify_token_claims_issued_at(const emnify_token_claims *claims);

/**
 * Returns when the token expires, in seconds of Unix time; 0 if it does not expire.
 */
int64_t emnify_token_claims_expires_at(const emnify_token_claims *claims);

/**
 * Whether the token is an auth token, which cannot be revoked and expires by itself.
 */
bool emnify_token_claims_is_auth_token(const emnify_token_claims *claims);

/**
 * Frees what emnify_token_inspect() returned.
 */
void emnify_token_claims_free(emnify_token_claims *claims);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: states of a rotation                                                       */
/* ---------------------------------------------------------------------------------------------- */

/**
 * No state: not about a rotation.
 */
#define EMNIFY_ROTATION_NONE 0

/**
 * The new application token is being created.
 */
#define EMNIFY_ROTATION_INTENT 1

/**
 * The new token exists; its id is being looked up in the list of tokens.
 */
#define EMNIFY_ROTATION_CREATED 2

/**
 * The new token's id is known; the new token is being tested.
 */
#define EMNIFY_ROTATION_IDENTIFIED 3

/**
 * The new token works and is used from now on; it is being written to the credential file or
 * passed to your emnify_hand_over function.
 */
#define EMNIFY_ROTATION_COMMITTED 4

/**
 * Both tokens work until the grace period ends.
 */
#define EMNIFY_ROTATION_GRACE 5

/**
 * The old token is being revoked.
 */
#define EMNIFY_ROTATION_REVOKING 6

/**
 * The rotation is complete: the old token is revoked, or kept as requested.
 */
#define EMNIFY_ROTATION_DONE 7

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: rotate                                                                     */
/* ---------------------------------------------------------------------------------------------- */

/**
 * The result of a rotation. It contains no secret.
 *
 * Created by emnify_token_rotate(); free it with emnify_rotation_free().
 */
typedef struct emnify_rotation emnify_rotation;

/**
 * A function of yours that stores the new application token where the next start of the program
 * finds it.
 *
 * Return 0 after the token is stored durably. Any other number means that it could not be stored:
 * the rotation stops, and the next emnify_token_rotate() calls this function again with the same
 * token. The `length` bytes at `application_token` are followed by a NUL and are wiped when the
 * function returns. `user` is the pointer in the options.
 *
 * It runs during emnify_token_rotate(). It must be idempotent: after an error, a crash or the grace
 * period it may be called again with the same token. It may call the client, but not
 * emnify_token_rotate().
 */
typedef int32_t (*emnify_hand_over)(void *user, const char *application_token, size_t length);

/**
 * A function of yours that reads the application token that your emnify_hand_over function stored,
 * as the next start of the program will.
 *
 * Write it to the `capacity` (4,096) bytes at `application_token` and return the number of bytes
 * written. A NUL is not needed, and white space around the token is ignored. Return 0 if it cannot
 * be read. The bytes are wiped afterwards. `user` is the pointer in the options.
 *
 * It runs during emnify_token_rotate(), before the old token is revoked. If it does not return the
 * new token, the rotation stops and nothing is revoked; the next emnify_token_rotate() calls your
 * emnify_hand_over function again.
 */
typedef size_t (*emnify_read_back)(void *user, char *application_token, size_t capacity);

/**
 * Options of a rotation. All are optional and copied. What is not set is taken from the old token:
 * its description, its address restriction and its lifetime.
 *
 * Initialise it with EMNIFY_ROTATE_OPTIONS_INIT, which sets `size`: see "Options" above.
 */
typedef struct {
  /**
   * sizeof(emnify_rotate_options) in the header that the program was built with.
   */
  size_t size;
  /**
   * The id of the application token that the client signs in with, needed if the auth token does
   * not contain it; otherwise 0. An id that contradicts the auth token is an error. If the auth
   * token contains none, the id cannot be checked: the token with this id is revoked.
   */
  uint64_t id;
  /**
   * Another label: at most 1,024 bytes, without control characters. NULL: that of the old token.
   */
  const char *description;
  /**
   * When the new token expires, in the future: a date such as "2027-05-29" (00:00 UTC on that
   * day), or a time in RFC 3339 such as "2027-05-29T18:30:00Z". NULL: the new token gets the old
   * one's lifetime, counted from now.
   */
  const char *expiry_date;
  /**
   * Another address, or range (CIDR), that may use the new token. NULL: that of the old token.
   */
  const char *ip;
  /**
   * How many seconds the old token keeps working alongside the new one, for other programs that
   * use it. 0: it is revoked as soon as the new one is known to work.
   */
  uint64_t grace_s;
  /**
   * The function that stores the new application token. NULL: the credential file is replaced.
   * Required if the client has no credential file.
   */
  emnify_hand_over hand_over;
  /**
   * The function that reads that token back, before the old one is revoked. NULL: none is read
   * back. Needs `hand_over`; a credential file is read back anyway.
   */
  emnify_read_back read_back;
  /**
   * The pointer that is passed to `hand_over` and `read_back`. May be NULL.
   */
  void *user;
  /**
   * 1: the old token is not revoked, for a token that is not allowed to revoke tokens. The
   * rotation ends in EMNIFY_ROTATION_DONE with the event EMNIFY_EVENT_OLD_TOKEN_KEPT. 0: it is
   * revoked; if that is not permitted, the call fails before a token is created.
   */
  uint64_t keep_old;
  /**
   * How many seconds the new token lives, instead of `expiry_date`, counted on emnify's clock;
   * 0: not set. Error messages call it expires_in.
   */
  uint64_t expires_in_s;
} emnify_rotate_options;

/**
 * Initialises the options: emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
 */
#define EMNIFY_ROTATE_OPTIONS_INIT \
    { sizeof(emnify_rotate_options), 0, NULL, NULL, NULL, 0, NULL, NULL, NULL, 0, 0 }

/**
 * Replaces the application token that `client` signs in with by a new one, and writes the result
 * to `*rotation`. At any time at least one of the two works, even after a crash or a power
 * failure. `options` may be NULL. Blocks: each of its requests may take the configured timeout.
 *
 * The client needs:
 *
 * - an application token, as text or in a file; not a user name and password
 * - a store that is a directory (emnify_config_set_store()), where the progress is kept
 * - `hand_over` in the options, if the application token was set as text
 *
 * A credential file is replaced by a file with the same mode and, on Linux, the same access
 * control list, user extended attributes and SELinux label. If another program has changed the
 * file meanwhile, the rotation stops and does not touch the file. Only a change in the last moment
 * before the replacement would be lost.
 *
 * After an error or a crash, call it again with the same options: the rotation continues where it
 * stopped. With a grace period, the call succeeds without waiting and the state is
 * EMNIFY_ROTATION_GRACE; call it again after the grace period. A rotation keeps the options that
 * it began with: see emnify_rotation_ignored_options().
 *
 * The client then uses the new application token. So does a later client with the old token and
 * the same store, which reports EMNIFY_EVENT_SUCCESSOR_FOUND. Only one rotation runs in a store at
 * a time: a call that waited for the rotation of another client returns its result.
 *
 * Errors, besides those of emnify_token_list() before the rotation begins:
 *
 * - EMNIFY_ERR_INVALID_INPUT: the store or `hand_over` is missing; an option is invalid; the
 *   client signs in as a user; the id of its application token is not known and `id` is 0; or the
 *   old token's lifetime is not known and no expiry is set.
 * - EMNIFY_ERR_FORBIDDEN: the application token is not allowed to revoke tokens, and `keep_old` is
 *   0. Nothing was created.
 * - EMNIFY_ERR_STORE: the store cannot be used. Nothing was created.
 * - EMNIFY_ERR_ROTATION, or EMNIFY_ERR_CANCELLED after emnify_client_cancel(): the rotation
 *   stopped in the state emnify_error_rotation_state(). The client continues with an application
 *   token that works.
 */
EMNIFY_NODISCARD
int32_t emnify_token_rotate(const emnify_client *client,
                            const emnify_rotate_options *options,
                            emnify_rotation **rotation,
                            emnify_error **error);

/**
 * Returns the state: EMNIFY_ROTATION_DONE (the old application token is revoked, or kept as
 * requested) or EMNIFY_ROTATION_GRACE (both work until the grace period ends).
 * EMNIFY_ROTATION_NONE for NULL.
 */
int32_t emnify_rotation_state(const emnify_rotation *rotation);

/**
 * Returns the id of the application token that was replaced.
 */
uint64_t emnify_rotation_old_id(const emnify_rotation *rotation);

/**
 * Returns the id of the new application token.
 */
uint64_t emnify_rotation_new_id(const emnify_rotation *rotation);

/**
 * Returns how many milliseconds of the grace period were left when the call returned; -1 if the
 * state is not EMNIFY_ROTATION_GRACE. This time does not decrease while this machine's clock
 * cannot be trusted.
 */
int64_t emnify_rotation_grace_left_ms(const emnify_rotation *rotation);

/**
 * Returns whether another client had already rotated the application token. Then nothing was
 * changed, and the new token is used.
 */
bool emnify_rotation_is_adopted(const emnify_rotation *rotation);

/**
 * Returns whether the old application token was not revoked, as requested with `keep_old` in this
 * call or in the call that began the rotation.
 */
bool emnify_rotation_is_old_kept(const emnify_rotation *rotation);

/**
 * Returns the names of this call's options that were ignored because the rotation had begun with
 * others, such as "expiry_date, ip". NULL if none was ignored.
 */
const char *emnify_rotation_ignored_options(const emnify_rotation *rotation);

/**
 * Frees the result of a rotation.
 */
void emnify_rotation_free(emnify_rotation *rotation);

/* ---------------------------------------------------------------------------------------------- */
/* Version: header and library                                                                    */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Major version of this header. It changes when programs may have to change.
 */
#define EMNIFY_VERSION_MAJOR 0

/**
 * Minor version of this header. It changes when something is added.
 */
#define EMNIFY_VERSION_MINOR 1

/**
 * Patch version of this header. It changes when something is fixed.
 */
#define EMNIFY_VERSION_PATCH 0

/**
 * Returns the version of the loaded library, such as "0.1.0". Never NULL; the string is constant.
 */
const char *emnify_version(void);

/**
 * Returns the version of the loaded library as a number that grows with each version, such as
 * 1002003 for 1.2.3. EMNIFY_VERSION_NUMBER is the version of the header.
 */
uint32_t emnify_version_number(void);

/**
 * Version of this header, as text.
 */
#define EMNIFY_VERSION "0.1.0"

/**
 * Version of this header as a number that grows with each version:
 * #if EMNIFY_VERSION_NUMBER >= 1002000 is true for 1.2.0 and later.
 */
#define EMNIFY_VERSION_NUMBER \
    (EMNIFY_VERSION_MAJOR * 1000000 + EMNIFY_VERSION_MINOR * 1000 + EMNIFY_VERSION_PATCH)

#ifdef __cplusplus
}
#endif

#endif /* EMNIFY_H */
