/*
 * emnify.h - keeps a machine signed in to emnify and looks after its application tokens.
 *
 * A machine exchanges a long-lived application token for an auth token, a JWT that goes into the
 * header "Authorization: Bearer ..." of every call to emnify. This library does the exchange, keeps
 * the outcome, renews it in the background, and lets any number of threads share it, and processes
 * if you like. It also creates, lists, changes, rotates, audits and revokes application tokens, and
 * makes any other call of the API.
 *
 * A whole program:
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
 *         // NULL: everything comes from the environment, as EMNIFY_APPLICATION_TOKEN does.
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
 * What follows is in the order in which one needs it: what calls return, and errors; a
 * configuration, if the environment is not enough; the client; auth tokens, and how the session
 * stands; any other call; application tokens; the version.
 *
 * Calls. A call that can fail returns an int32_t: EMNIFY_OK or one of EMNIFY_ERR_... Its last
 * argument is where an error object goes, or NULL if you do not want one. A result is written only
 * where the call succeeds, an error only where it fails. The previous error is neither read nor
 * freed: free it, and set the variable to NULL, before you use it for another call. NULL where
 * something is needed is refused with EMNIFY_ERR_INVALID_INPUT and a message that names the
 * argument. What returns anything else only looks, sends nothing, waits for nothing and cannot
 * fail: asked of NULL it answers as where there is nothing, NULL, 0, -1 or false.
 *
 * Ownership. What a call gives you through a pointer to a pointer is yours, and the type's free
 * function takes it back; all of those take NULL. A string or a row that a function returns is
 * borrowed from the handle that it was asked of: it is valid until that is freed (that of
 * emnify_pages_next() until the next call), and you neither change nor free it. What you pass in is
 * copied; nothing is kept but the copy.
 *
 * Text is UTF-8 and ends with a NUL, in and out. A secret that you pass in comes with its length.
 * No text out is ever cut short. Secrets are wiped from memory when they are freed; messages never
 * hold them. Instants are int64_t seconds of Unix time, ids uint64_t; a zero means none. Durations
 * are milliseconds or seconds, as the end of their names says: _ms, _s.
 *
 * Threads. A client may be used by any number of threads at once, pages by one at a time. Everything
 * else that a call gives you is never changed afterwards: any thread may read it, and one frees it
 * when no other does. There is no global state to set up or to share. Functions of yours, if you set
 * any, are called on the thread that called the library, before that call returns, and never on
 * another. A thread of yours needs 64 KiB of stack. The library's own threads, two or three once it
 * has work for them (with emnify_config_set_cancellable() up to 64 more, one for each exchange with
 * the server that is under way), block all signals, so handlers run on yours; SIGPIPE cannot come from
 * here. No function here is for a signal handler. A client works on both sides of a fork(), whatever
 * other threads were doing.
 *
 * The end. Free what is yours when no thread uses it any more; emnify_client_cancel() ends the calls
 * of those that wait. A program may also end without, and call the library until then, even from what
 * atexit() runs. The shared library stays loaded when it is closed with dlclose().
 *
 * Manners. The library prints nothing, and changes nothing that belongs to the process: no signal's
 * handler, no environment variable, no working directory; it registers nothing to run at exit.
 *
 * Faults. Should the library itself fail, the call gives EMNIFY_ERR_INTERNAL and your program goes
 * on. Rust's run-time library then prints one line about it on the standard error stream; keeping
 * it quiet would mean changing a setting of the whole process, which is not ours to change. Running
 * out of memory ends the process.
 *
 * Stability. The numbers of constants, the names, and the layout of structures as far as it is
 * written here stay what they are as long as the library's file is called libemnify.so.0.
 */

#ifndef EMNIFY_H
#define EMNIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------- */
/* What a call returns                                                                            */
/* ---------------------------------------------------------------------------------------------- */

/**
 * It worked.
 */
#define EMNIFY_OK 0

/**
 * An argument was refused before anything was sent. The message starts with its name.
 */
#define EMNIFY_ERR_INVALID_INPUT 1

/**
 * The credentials were refused: mistyped, expired, revoked, or not valid from this address.
 */
#define EMNIFY_ERR_REJECTED 2

/**
 * A one-time code is due and nobody supplies it.
 */
#define EMNIFY_ERR_MFA_REQUIRED 3

/**
 * The account is locked after several refused attempts; emnify_error_retry_after_ms() says for how
 * long.
 */
#define EMNIFY_ERR_LOCKED 4

/**
 * Signed in, but not allowed to do this (HTTP 403).
 */
#define EMNIFY_ERR_FORBIDDEN 5

/**
 * There is no such thing (HTTP 404).
 */
#define EMNIFY_ERR_NOT_FOUND 6

/**
 * It clashes with what is there (HTTP 409).
 */
#define EMNIFY_ERR_CONFLICT 7

/**
 * The server found fault with the request (HTTP 400, 422 and the like); emnify_error_nested_size()
 * and its companions say with what.
 */
#define EMNIFY_ERR_VALIDATION 8

/**
 * Too many calls (HTTP 429), or delayed locally; emnify_error_retry_after_ms() says for how
 * long.
 */
#define EMNIFY_ERR_RATE_LIMITED 9

/**
 * The server failed (HTTP 5xx).
 */
#define EMNIFY_ERR_SERVER 10

/**
 * The answer makes no sense: perhaps a login page or a proxy answered.
 */
#define EMNIFY_ERR_PROTOCOL 11

/**
 * No connection, or it broke: refused, reset, no such host.
 */
#define EMNIFY_ERR_NETWORK 12

/**
 * The server's certificate was not accepted, or the clock that judges it is wrong.
 */
#define EMNIFY_ERR_TLS 13

/**
 * The time limit ran out.
 */
#define EMNIFY_ERR_TIMEOUT 14

/**
 * The caller cancelled.
 */
#define EMNIFY_ERR_CANCELLED 15

/**
 * What outlives the process could not be kept: disk full, not writable, damaged.
 */
#define EMNIFY_ERR_STORE 16

/**
 * The replacement of an application token stopped; emnify_error_rotation_state() says in which
 * state.
 */
#define EMNIFY_ERR_ROTATION 17

/**
 * A fault of this library.
 */
#define EMNIFY_ERR_INTERNAL 18

/**
 * The proxy refused or failed; emnify_error_http_status() is its status, where it sent one.
 */
#define EMNIFY_ERR_PROXY 19

/**
 * Out of threads, file descriptors or memory.
 */
#define EMNIFY_ERR_RESOURCE 20

/**
 * The name of a status, such as "EMNIFY_ERR_TIMEOUT": for logs.
 *
 * Never NULL; a number that this version does not know gives "EMNIFY_ERR_UNKNOWN". The string is
 * constant and never freed. Any thread.
 */
const char *emnify_error_name(int32_t status);

/* ---------------------------------------------------------------------------------------------- */
/* Errors                                                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * What went wrong. Made by a call that failed, owned by its caller, who frees it with
 * emnify_error_free(); or borrowed from an event or a status. Any thread may read it.
 */
typedef struct emnify_error emnify_error;

/**
 * Which kind of error it is: one of the constants EMNIFY_ERR_..., the same as the call returned.
 * EMNIFY_OK if `error` is NULL.
 */
int32_t emnify_error_code(const emnify_error *error);

/**
 * What happened and what to do about it: one line for a person, UTF-8, without a line break. It
 * never holds a secret, the query of a URL or the raw body of an answer, so it may go into a log.
 *
 * Borrowed from `error`. NULL if `error` is NULL.
 */
const char *emnify_error_message(const emnify_error *error);

/**
 * The HTTP status of the answer, such as 403; 0 where there was no answer.
 */
int32_t emnify_error_http_status(const emnify_error *error);

/**
 * How many milliseconds to wait before another attempt, where the server or this library says so;
 * -1 where neither does.
 */
int64_t emnify_error_retry_after_ms(const emnify_error *error);

/**
 * Whether the same call may succeed later with nothing changed. It does not say that the call had
 * no effect: a request that timed out may have been carried out. False if `error` is NULL.
 */
bool emnify_error_is_retryable(const emnify_error *error);

/**
 * The state that a rotation stopped in, and goes on from when emnify_token_rotate() is called
 * again: one of the constants EMNIFY_ROTATION_.... EMNIFY_ROTATION_NONE where it is not about a
 * rotation.
 */
int32_t emnify_error_rotation_state(const emnify_error *error);

/**
 * emnify's own number for the error, such as 1400; 0 where the answer had none. It need not agree
 * with the HTTP status.
 */
int64_t emnify_error_api_code(const emnify_error *error);

/**
 * emnify's own name for the error, such as "InputValidationFailed".
 *
 * Borrowed from `error`. NULL where the answer had none.
 */
const char *emnify_error_api_name(const emnify_error *error);

/**
 * emnify's own sentence about the error. emnify_error_message() has it already, with more.
 *
 * Borrowed from `error`. NULL where the answer had none.
 */
const char *emnify_error_api_message(const emnify_error *error);

/**
 * How many messages are nested in emnify's error: one for each field that it found fault with.
 * What is nested more deeply follows what it is nested in.
 */
size_t emnify_error_nested_size(const emnify_error *error);

/**
 * The number of the nested message at `index`, counted from 0; 0 where it has none or there is no
 * such message.
 */
int64_t emnify_error_nested_code(const emnify_error *error, size_t index);

/**
 * The name of the nested message at `index`, such as "Required".
 *
 * Borrowed from `error`. NULL where it has none or there is no such message.
 */
const char *emnify_error_nested_name(const emnify_error *error, size_t index);

/**
 * The sentence of the nested message at `index`.
 *
 * Borrowed from `error`. NULL where it has none or there is no such message.
 */
const char *emnify_error_nested_message(const emnify_error *error, size_t index);

/**
 * An error of your own that says the same, to keep what is only borrowed. Free it with
 * emnify_error_free(). NULL if `error` is NULL.
 */
emnify_error *emnify_error_copy(const emnify_error *error);

/**
 * Frees an error, and with it every string that was borrowed from it. NULL is allowed.
 */
void emnify_error_free(emnify_error *error);

/* ---------------------------------------------------------------------------------------------- */
/* Configuration                                                                                  */
/* ---------------------------------------------------------------------------------------------- */

/**
 * How a client shall sign in and connect. Everything is optional: what is not set comes from the
 * environment, or has the default that its setter names.
 *
 * Made by emnify_config_new(), owned by the caller, freed with emnify_config_free(). One thread at
 * a time.
 */
typedef struct emnify_config emnify_config;

/**
 * An empty configuration, owned by the caller. NULL only after a fault of this library.
 */
emnify_config *emnify_config_new(void);

/**
 * Sets the application token to sign in with: `length` bytes, no NUL needed. They are copied; wipe
 * your own when you no longer need them.
 *
 * Default: the environment variable EMNIFY_APPLICATION_TOKEN, else the file that
 * EMNIFY_APPLICATION_TOKEN_FILE names. Set this, emnify_config_set_application_token_file() or
 * emnify_config_set_user(), and not more than one.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or the bytes are no UTF-8.
 * emnify_client_new() refuses what cannot be a token: nothing at all, more than 8,192 bytes, or a
 * line break, space, NUL or other character that is not visible ASCII.
 */
int32_t emnify_config_set_application_token(emnify_config *config,
                                            const char *application_token,
                                            size_t length,
                                            emnify_error **error);

/**
 * Sets the path of a file that holds the application token. It is read at each sign-in, and when
 * its token was refused, so that one that was replaced is picked up with no restart.
 *
 * Default: see emnify_config_set_application_token(). Fails with EMNIFY_ERR_INVALID_INPUT if a
 * pointer is NULL or the path is no UTF-8. A file that cannot be read, or holds no token, is
 * reported by the call that signs in; a client that has read a token from it goes on with that.
 */
int32_t emnify_config_set_application_token_file(emnify_config *config,
                                                 const char *application_token_file,
                                                 emnify_error **error);

/**
 * Sets where the API is: a URL with https, or with http to this machine.
 *
 * Default: the environment variable EMNIFY_BASE_PATH, else https://cdn.emnify.net. Fails with
 * EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or the URL is no UTF-8; emnify_client_new() checks
 * it.
 */
int32_t emnify_config_set_base_url(emnify_config *config,
                                   const char *base_url,
                                   emnify_error **error);

/**
 * Sets the time that one call may take, with everything that it waits for, in milliseconds.
 *
 * Default: 30,000. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL; emnify_client_new()
 * refuses 0.
 */
int32_t emnify_config_set_timeout_ms(emnify_config *config,
                                     uint32_t timeout_ms,
                                     emnify_error **error);

/**
 * Sets the part of that time that connecting may take, in milliseconds.
 *
 * Default: 10,000. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL; emnify_client_new()
 * refuses 0.
 */
int32_t emnify_config_set_connect_timeout_ms(emnify_config *config,
                                             uint32_t connect_timeout_ms,
                                             emnify_error **error);

/**
 * Sets the path of a file of certificates in PEM form, or of a directory of such files: these
 * authorities are trusted and no others.
 *
 * Default: the environment variables SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, else the
 * system's authorities, else a set that is built in. Fails with EMNIFY_ERR_INVALID_INPUT if a
 * pointer is NULL or the path is no UTF-8; emnify_client_new() reads it, and refuses one without a
 * certificate.
 */
int32_t emnify_config_set_ca_bundle(emnify_config *config,
                                    const char *ca_bundle,
                                    emnify_error **error);

/**
 * Sets the URL of an HTTP proxy, such as http://proxy.example:3128, perhaps with a user name and
 * password. Messages do not repeat it.
 *
 * Default: the environment variables HTTPS_PROXY and ALL_PROXY. NO_PROXY names hosts that are
 * reached directly; this machine always is. Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is
 * NULL or the URL is no UTF-8; emnify_client_new() checks it.
 */
int32_t emnify_config_set_proxy(emnify_config *config, const char *proxy, emnify_error **error);

/**
 * Sets where the session outlives the process: the path of a directory, made with mode 0700 if it
 * is not there, or, where the library was built with the feature `redis`, a URL such as
 * `redis://host:6379/0`. A restart then goes on with the auth token that it finds, and processes
 * which share the store and the credential sign in once for all of them. After a failure it also
 * keeps until when no attempt may be made, so that a restart loop does not get a device locked out.
 *
 * Each credential has a file there, mode 0600, sealed with a key derived from the credential: who
 * has the disk and not the credential learns nothing. It is written only when the session changes,
 * as a whole or not at all. emnify_token_rotate() keeps there how far it has come, and needs a
 * directory for it.
 *
 * A directory that the group or others can write to is not used: EMNIFY_EVENT_STORE_TROUBLE has the
 * chmod to run, and emnify_token_rotate() fails with EMNIFY_ERR_STORE. What root writes into another
 * user's directory belongs to that user. Two copies of this library in one process (say, this one
 * and the Python package) do not exclude each other: give each a directory of its own.
 *
 * Default: nothing outlives the process. Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL
 * or the text is no UTF-8 or no such place. A store that cannot be read or written stops nothing:
 * the session goes on in memory, and EMNIFY_EVENT_STORE_TROUBLE tells it.
 */
int32_t emnify_config_set_store(emnify_config *config,
                                const char *store,
                                emnify_error **error);

/**
 * Sets whether calls that come too fast for emnify's limits are delayed, over all threads of a
 * client: 500 calls at once, then 5 a second (2,000 in any 300 s); of these 25 at once, then 50 a
 * second; of lists and statistics 5 at once, then 10 a second. Authenticating has limits of its own.
 * A call that would wait beyond the timeout fails with EMNIFY_ERR_RATE_LIMITED.
 *
 * Default: true. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
 */
int32_t emnify_config_set_pacing(emnify_config *config,
                                 bool pacing,
                                 emnify_error **error);

/**
 * Frees a configuration and wipes its secrets. NULL is allowed. Clients that were made from it are
 * not affected.
 */
void emnify_config_free(emnify_config *config);

/* ---------------------------------------------------------------------------------------------- */
/* Configuration: signing in as a person                                                          */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A function of yours that asks the person for the one-time code which emnify has just sent. It
 * writes the code into the `capacity` bytes (64) at `code`, which are wiped afterwards, and returns
 * how many bytes it wrote: white space around the code does no harm, a NUL is not needed. 0 gives
 * up, as does more than there is room for; then the call fails with EMNIFY_ERR_MFA_REQUIRED.
 * `user` is what you gave to emnify_config_set_mfa().
 *
 * It is called on a thread of yours, from within emnify_authenticate() or another call that needs
 * an auth token, between the password and the code: never in the background, never on a thread of
 * the library's, and at most once at a time for a client. It may wait for the person: that does not
 * count towards the timeout of the call. Meanwhile other threads that need an auth token of the
 * same client wait too, each within its own timeout, as do other processes with the same store.
 *
 * It must not make a call with the same client that needs an auth token, since that would wait for
 * itself. It must return: neither throw an exception nor jump out.
 */
typedef size_t (*emnify_mfa)(void *user, char *code, size_t capacity);

/**
 * Sets a person's user name, and password of `length` bytes (no NUL needed), to sign in with, for
 * what an application token cannot do. Both are copied; wipe your own password when you no longer
 * need it. What is sent, and kept, is its SHA-1, as the API wants it.
 *
 * Default: without any credential set, and without an application token in the environment, the
 * environment variables EMNIFY_USERNAME and EMNIFY_PASSWORD. Set this or an application token, not
 * both.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or a text is no UTF-8.
 * emnify_client_new() refuses a user name that is empty or has a control character, and an empty
 * password.
 */
int32_t emnify_config_set_user(emnify_config *config,
                               const char *username,
                               const char *password,
                               size_t length,
                               emnify_error **error);

/**
 * Sets the function that asks for the one-time code: see emnify_mfa. `user` is passed to it and
 * not looked at. It may be NULL; else it must be good on each thread that uses a client made from
 * `config`, or what came of one by emnify_paginate() or emnify_switch_workspace(), until the last
 * of these is freed.
 *
 * Default: nobody is asked, and where a code is due the call fails with EMNIFY_ERR_MFA_REQUIRED.
 * Fails with EMNIFY_ERR_INVALID_INPUT if `config` or `mfa` is NULL.
 */
int32_t emnify_config_set_mfa(emnify_config *config,
                              emnify_mfa mfa,
                              void *user,
                              emnify_error **error);

/**
 * Sets the device that the person signs in from. Once a one-time code was given on it, none is due
 * there for 90 days. The fingerprint, of `length` bytes, is what it is recognised by, and a secret:
 * choose one that is hard to guess, keep it, and use it again. `name` is shown to the person in
 * emnify's portal. Both are copied.
 *
 * Default: no device. Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or a text is no
 * UTF-8. emnify_client_new() refuses a fingerprint that is not 8 to 256 visible ASCII characters.
 */
int32_t emnify_config_set_trusted_device(emnify_config *config,
                                         const char *fingerprint,
                                         size_t length,
                                         const char *name,
                                         emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* Configuration: being told what happens                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Something that this version has no number for; also the answer of NULL.
 */
#define EMNIFY_EVENT_OTHER 0

/**
 * Signed in. emnify_event_expires_at() is when the auth token expires.
 */
#define EMNIFY_EVENT_AUTHENTICATED 1

/**
 * Another process signed in, and its auth token was taken from the store.
 * emnify_event_expires_at() is when it expires.
 */
#define EMNIFY_EVENT_ADOPTED 2

/**
 * An attempt to sign in failed. An auth token that is still valid goes on being handed out;
 * emnify_event_next_attempt_ms() is when the next attempt may be made.
 */
#define EMNIFY_EVENT_REFRESH_FAILED 3

/**
 * The credentials were refused. They are not sent again before the next attempt, unless they
 * change: somebody should look.
 */
#define EMNIFY_EVENT_REFUSED 4

/**
 * Too many calls, or a locked account: no attempt is made before the next one.
 */
#define EMNIFY_EVENT_COOLING_DOWN 5

/**
 * The application token expires within 30 days, at emnify_event_expires_at(). Told at most once a
 * day.
 */
#define EMNIFY_EVENT_APPLICATION_TOKEN_EXPIRES 6

/**
 * The store could not be read or written. The session goes on in memory.
 */
#define EMNIFY_EVENT_STORE_TROUBLE 7

/**
 * The credential file could not be read. Its last good content is used, if there was one.
 */
#define EMNIFY_EVENT_CREDENTIAL_TROUBLE 8

/**
 * The application token was rotated, by an earlier or another process, and its successor is used.
 */
#define EMNIFY_EVENT_SUCCESSOR_FOUND 9

/**
 * The application token was rotated and the old one goes on working, as `keep_old` said; the message
 * names its id.
 */
#define EMNIFY_EVENT_OLD_TOKEN_KEPT 10

/**
 * How much an event matters: all is well. The levels are numbered as the priorities of syslog() are.
 */
#define EMNIFY_LEVEL_INFO 6

/**
 * Something went wrong that the session copes with, or that passes by itself.
 */
#define EMNIFY_LEVEL_WARNING 4

/**
 * It does not pass by itself: somebody should look.
 */
#define EMNIFY_LEVEL_ERROR 3

/**
 * Something that happened to a session. It holds no secret. Borrowed: it ends with the call of the
 * function that it was passed to.
 */
typedef struct emnify_event emnify_event;

/**
 * A function of yours that is told what happens to a session. `user` is what you gave to
 * emnify_config_set_observer(); `event`, with what is borrowed from it, is gone when the function
 * returns.
 *
 * It is called on a thread of yours, from within a call that you made with the client or with pages
 * of it (emnify_authenticate(), emnify_status_new(), emnify_pages_next(), ...), shortly before that
 * returns: never on a thread of the library's, never after these are freed. What happens in the
 * background waits for the next call; the last 64 events are kept. No lock is held, so it may call
 * the client. Where several threads use the client it may run on several at once.
 *
 * It must return: neither throw an exception nor jump out.
 */
typedef void (*emnify_observer)(void *user, const emnify_event *event);

/**
 * Sets the function that is told what happens: see emnify_observer. `user` is passed to it and not
 * looked at. It may be NULL; else it must be good on each thread that uses a client made from
 * `config`, or what came of one by emnify_paginate() or emnify_switch_workspace(), until the last
 * of these is freed.
 *
 * Default: nobody is told. Fails with EMNIFY_ERR_INVALID_INPUT if `config` or `observer` is NULL.
 */
int32_t emnify_config_set_observer(emnify_config *config,
                                   emnify_observer observer,
                                   void *user,
                                   emnify_error **error);

/**
 * What happened: one of the constants EMNIFY_EVENT_....
 */
int32_t emnify_event_kind(const emnify_event *event);

/**
 * The name of a kind, such as "EMNIFY_EVENT_REFUSED": for logs.
 *
 * Never NULL; a number that this version does not know gives "EMNIFY_EVENT_OTHER". The string is
 * constant and never freed. Any thread.
 */
const char *emnify_event_name(int32_t kind);

/**
 * How much it matters: EMNIFY_LEVEL_INFO, _WARNING or _ERROR; EMNIFY_LEVEL_INFO if `event` is NULL.
 * These are LOG_INFO, LOG_WARNING and LOG_ERR of <syslog.h>, so that an observer which logs is
 *
 *     static void log_event(void *user, const emnify_event *event)
 *     {
 *         (void)user;
 *         syslog(emnify_event_level(event), "%s", emnify_event_message(event));
 *     }
 */
int32_t emnify_event_level(const emnify_event *event);

/**
 * What happened, and why: one line for a log, UTF-8, without a line break.
 *
 * Borrowed from `event`. NULL if `event` is NULL.
 */
const char *emnify_event_message(const emnify_event *event);

/**
 * Why, where something went wrong.
 *
 * Borrowed from `event`; emnify_error_copy() makes one of your own. NULL where nothing did.
 */
const emnify_error *emnify_event_error(const emnify_event *event);

/**
 * How many milliseconds after the event the next attempt to sign in may be made, where one failed;
 * -1 where none did.
 */
int64_t emnify_event_next_attempt_ms(const emnify_event *event);

/**
 * When that expires which the event is about, the auth token or the application token, in seconds
 * of Unix time on the server's clock; 0 where it is about neither.
 */
int64_t emnify_event_expires_at(const emnify_event *event);

/* ---------------------------------------------------------------------------------------------- */
/* Client                                                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A machine that is signed in to emnify, or about to be.
 *
 * Made by emnify_client_new() or emnify_switch_workspace(), owned by the caller, freed with
 * emnify_client_free(). Any number of threads may use one at the same time; one of them signs in
 * and the others wait for it.
 */
typedef struct emnify_client emnify_client;

/**
 * Makes a client from `config`, or from the environment alone if that is NULL, and gives it to the
 * caller in `*client`. `config` is not kept and may be freed.
 *
 * Everything is checked here and nothing is sent: the client connects with its first call. Nor is
 * a thread started here, or a store touched; what the first call starts belongs to the process that
 * it is made in. So make the client before you fork, or after, as you like.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT, and a message that names the option or the environment
 * variable.
 */
int32_t emnify_client_new(const emnify_config *config,
                          emnify_client **client,
                          emnify_error **error);

/**
 * Makes a client for the workspace `id`, and gives it to the caller in `*new_client`. It has all that was configured for `client`, renews itself, and is freed for
 * itself; `client` goes on in its own workspace, and may be freed before it.
 *
 * It signs in at once, which takes at most the configured timeout. Any thread.
 *
 * The server decides who may switch. Today it refuses application tokens (EMNIFY_ERR_REJECTED, HTTP
 * 401), which emnify calls temporary; a user may switch to the workspaces that they belong to.
 *
 * Fails with EMNIFY_ERR_REJECTED, _FORBIDDEN, _NOT_FOUND and the like as the server answers; and
 * besides as emnify_authenticate() does.
 */
int32_t emnify_switch_workspace(const emnify_client *client,
                                uint64_t id,
                                emnify_client **new_client,
                                emnify_error **error);

/**
 * Frees a client, once no thread uses it any more. NULL is allowed. What it gave out, such as auth
 * tokens, pages and clients for other workspaces, lives on. It closes the connections, once none of
 * these needs them, which may take a moment; a renewal that is under way in the background ends by
 * itself and calls nothing of yours.
 */
void emnify_client_free(emnify_client *client);

/* ---------------------------------------------------------------------------------------------- */
/* Client: ending its calls                                                                       */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Sets whether emnify_client_cancel() also ends calls that wait for a response of the server. Each
 * exchange with the server is made on a thread of the library's then, which costs 20 to 50
 * microseconds, while the thread that called waits and runs your functions. A thread is kept for
 * the next exchange, and ends when it was idle for 10 seconds. A call that needs no exchange, such
 * as emnify_authenticate() with a valid auth token, costs nothing more.
 *
 * Default: false. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
 */
int32_t emnify_config_set_cancellable(emnify_config *config,
                                      bool cancellable,
                                      emnify_error **error);

/**
 * Sets how many exchanges with the server a cancellable client makes at the same time, each on a
 * thread of its own: see emnify_config_set_cancellable(). Further exchanges wait for one of these
 * threads, within the timeout of their call. It does not limit a client that is not cancellable,
 * whose exchanges are made on the threads that call.
 *
 * Default: 64; 0 counts as 1. Fails with EMNIFY_ERR_INVALID_INPUT if `config` is NULL.
 */
int32_t emnify_config_set_max_exchanges(emnify_config *config,
                                        size_t max_exchanges,
                                        emnify_error **error);

/**
 * Cancels all calls of `client` and of its pages, for good: to end a program, or to free a client
 * that other threads use. From now on each call fails at once with EMNIFY_ERR_CANCELLED, except
 * emnify_status_new() and the functions that free or read what you have. Clients for other
 * workspaces, made by emnify_switch_workspace(), go on.
 *
 * Calls that are under way in other threads fail with EMNIFY_ERR_CANCELLED at once, whether they
 * wait for another thread or process to sign in, or before another attempt. A call that waits for
 * a response of the server ends at once if emnify_config_set_cancellable() was set, and otherwise
 * when the response is there or the timeout is over. A call that is running a function of yours
 * ends when the function returns. So, to free a client that other threads may be using: cancel,
 * join these threads, free.
 *
 * A request that was sent before may still take effect. An application token that
 * emnify_token_create() receives too late is revoked in the background, provided that its id is
 * found and the process lives long enough. A rotation stops in a state from which
 * emnify_token_rotate(), called with another client and the same store, continues.
 *
 * Returns without waiting. Call it from any thread, also from within an observer, but not from a
 * signal handler: that may set a flag or write to a pipe for a thread which then calls this. NULL
 * is allowed.
 */
void emnify_client_cancel(const emnify_client *client);

/* ---------------------------------------------------------------------------------------------- */
/* Auth tokens                                                                                    */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An auth token: what goes into the header "Authorization: Bearer ...".
 *
 * Made by emnify_authenticate(), owned by the caller, freed with emnify_auth_token_free(). It is
 * wiped when the last handle of the same token is freed and its client has let go of it, too. It
 * may outlive its client. Any thread may read it.
 */
typedef struct emnify_auth_token emnify_auth_token;

/**
 * Gives an auth token that is valid now to the caller in `*auth_token`: the cached one, or a new
 * one. Ask each time you need one and keep none: this is fast, and knows when to renew.
 *
 * While there is a valid token it is handed out at once; from some point after half of its
 * lifetime it is renewed in the background. Where there is none, one thread signs in and the others
 * wait for what it gets. What may pass by itself is tried up to three times, seconds apart, as far
 * as the timeout allows. After a failure the next attempt is held back for a while: a call that has
 * not the time to wait for it fails at once with the last error, and emnify_error_retry_after_ms()
 * says for how long. So do not loop: wait that long.
 *
 * Takes at most the configured timeout, besides what an emnify_mfa function takes. Any thread.
 *
 * Fails with EMNIFY_ERR_REJECTED where the credentials are refused, EMNIFY_ERR_LOCKED where they
 * were refused too often, EMNIFY_ERR_MFA_REQUIRED where a person's one-time code is due and nobody
 * gives it; EMNIFY_ERR_NETWORK, _TLS, _TIMEOUT, _RATE_LIMITED, _SERVER where emnify cannot be
 * asked; EMNIFY_ERR_PROTOCOL where the answer makes no sense; EMNIFY_ERR_INVALID_INPUT where
 * `client` or `auth_token` is NULL, or the credential file cannot be read.
 */
int32_t emnify_authenticate(const emnify_client *client,
                            emnify_auth_token **auth_token,
                            emnify_error **error);

/**
 * Writes the value of the header Authorization, "Bearer " and a valid auth token, and a NUL, into
 * the `capacity` bytes at `buffer`: the same as emnify_authenticate(), for code that does not
 * allocate. Afterwards the buffer holds a secret; wipe it.
 *
 * `*length` becomes the length of the text without its NUL, if `length` is not NULL. Where the
 * buffer is too small (it must have `*length` + 1 bytes), the call fails with
 * EMNIFY_ERR_INVALID_INPUT, sets `*length` all the same, and writes nothing else. So with
 * `capacity` 0, where `buffer` may be NULL, one learns how much is needed; 1,024 bytes are plenty
 * today. The next token may be longer than this one.
 *
 * Takes at most the configured timeout. Any thread. Fails besides as emnify_authenticate() does,
 * and then leaves `*length` as it was.
 */
int32_t emnify_authorization_header(const emnify_client *client,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *length,
                                    emnify_error **error);

/**
 * Reports that a server refused `auth_token` (HTTP 401). If `client` still has it cached, the next
 * emnify_authenticate() signs in, and returns the old one if that fails. A late report about an
 * earlier one changes nothing. Nor does one soon after the last (1 to 5 minutes): a server that
 * refuses a new token too would refuse any. Free it as usual. Any thread. If either is NULL nothing
 * happens.
 */
void emnify_invalidate(const emnify_client *client, const emnify_auth_token *auth_token);

/**
 * The same for code that has only the text: the `length` bytes at `text`, either the auth token or
 * the value of the header as emnify_authorization_header() wrote it. Any thread. If a pointer is
 * NULL, or the text is no token that `client` has cached, nothing happens.
 */
void emnify_invalidate_text(const emnify_client *client, const char *text, size_t length);

/**
 * Ends the waits that failed attempts to sign in have caused: call it when the network link comes
 * up. After a 429 or refused credentials the wait goes on, since it does not depend on the link. It
 * sends nothing and waits for nothing. Any thread. If `client` is NULL nothing happens.
 */
void emnify_client_retry_now(const emnify_client *client);

/**
 * The auth token itself, ending with a NUL: a secret, to be sent and never to be logged.
 *
 * Borrowed from `auth_token`. NULL if that is NULL.
 */
const char *emnify_auth_token_reveal(const emnify_auth_token *auth_token);

/**
 * When it expires, in seconds of Unix time on the server's clock; 0 if `auth_token` is NULL. Do
 * not compare it with the clock of a machine that may be wrong: emnify_authenticate() gives out
 * what is valid.
 */
int64_t emnify_auth_token_expires_at(const emnify_auth_token *auth_token);

/**
 * The id of the organisation (workspace) that it is for; 0 if it does not tell. For display only:
 * nobody verified it.
 */
uint64_t emnify_auth_token_organisation_id(const emnify_auth_token *auth_token);

/**
 * Frees an auth token, once for each time that emnify_authenticate() gave it. NULL is allowed.
 */
void emnify_auth_token_free(emnify_auth_token *auth_token);

/* ---------------------------------------------------------------------------------------------- */
/* Status                                                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * How a client's session stood when emnify_status_new() was called; not to be confused with the
 * status that calls return. It holds no secret.
 *
 * Owned by the caller, freed with emnify_status_free(). It may outlive its client. Any thread may
 * read it.
 */
typedef struct emnify_status emnify_status;

/**
 * Looks how the session of `client` stands and gives that to the caller in `*status`. Nothing is
 * sent and nothing is waited for. Any thread.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT where `client` or `status` is NULL.
 */
int32_t emnify_status_new(const emnify_client *client,
                          emnify_status **status,
                          emnify_error **error);

/**
 * Whether there is an auth token that is valid now. False if `status` is NULL.
 */
bool emnify_status_signed_in(const emnify_status *status);

/**
 * Until when that token is valid, in seconds of Unix time on this machine's clock, which
 * emnify_auth_token_expires_at() is not; 0 where there is none.
 */
int64_t emnify_status_valid_until(const emnify_status *status);

/**
 * How many milliseconds until the next attempt to sign in may be made, where attempts are held
 * back after a failure; -1 where they are not.
 */
int64_t emnify_status_next_attempt_ms(const emnify_status *status);

/**
 * Why the last attempt to sign in failed, until one succeeds.
 *
 * Borrowed from `status`; emnify_error_copy() makes one of your own. NULL if it did not fail.
 */
const emnify_error *emnify_status_last_error(const emnify_status *status);

/**
 * How many requests this client has sent in order to sign in.
 */
uint64_t emnify_status_calls_made(const emnify_status *status);

/**
 * How many auth tokens this client has handed out without a request.
 */
uint64_t emnify_status_calls_saved(const emnify_status *status);

/**
 * When an attempt to sign in last succeeded or failed, in seconds of Unix time on this machine's
 * clock; 0 where there was none.
 */
int64_t emnify_status_last_change(const emnify_status *status);

/**
 * Frees a status, and with it the error that was borrowed from it. NULL is allowed.
 */
void emnify_status_free(emnify_status *status);

/* ---------------------------------------------------------------------------------------------- */
/* Any other call                                                                                 */
/* ---------------------------------------------------------------------------------------------- */

/**
 * The answer to a call that succeeded (HTTP 2xx).
 *
 * Made by emnify_request(), owned by the caller, freed with emnify_response_free(), which wipes its
 * body. It may outlive its client. Any thread may read it.
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
 * What a call carries besides its method and path. Everything is optional, and copied.
 *
 * Start from EMNIFY_REQUEST_OPTIONS_INIT, which sets `size`: later versions add members at the
 * end, and a program that was built with this one goes on working.
 */
typedef struct {
  /**
   * sizeof(emnify_request_options).
   */
  size_t size;
  /**
   * Parameters of the query, which follow those that the path has; they are encoded as they must
   * be. NULL where there are none.
   */
  const emnify_pair *query;
  /**
   * How many.
   */
  size_t query_size;
  /**
   * Headers. Authorization, Host and those of the connection are the library's, and refused.
   * NULL where there are none.
   */
  const emnify_pair *headers;
  /**
   * How many.
   */
  size_t headers_size;
  /**
   * The body, sent as it is; a header Content-Type says what it is, JSON where none does. NULL:
   * no body.
   */
  const void *body;
  /**
   * Its length in bytes.
   */
  size_t body_length;
} emnify_request_options;

/**
 * What to start from: emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
 */
#define EMNIFY_REQUEST_OPTIONS_INIT \
    { sizeof(emnify_request_options), NULL, 0, NULL, 0, NULL, 0 }

/**
 * Makes any other call of the API with the auth token of `client`, and gives its answer to the
 * caller in `*response`. `method` is GET, HEAD, POST, PUT, PATCH or DELETE. `path` starts with one
 * slash, such as /api/v1/sim/7, and a query may stand behind it: it is relative to the base URL,
 * which the token goes to and nowhere else. `options` may be NULL: no more query, no headers of
 * your own, no body.
 *
 * A 401 is answered by one new sign-in and one more attempt. GET, HEAD, PUT and DELETE are tried
 * again after what may pass by itself, POST and PATCH only if nothing was sent. Redirects are not
 * followed. An answer has at most 16 MiB.
 *
 * Takes at most the configured timeout. Any thread.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT before anything was sent; EMNIFY_ERR_NOT_FOUND, _FORBIDDEN,
 * _CONFLICT, _VALIDATION and the like as the server answers; and besides as emnify_authenticate()
 * does. After EMNIFY_ERR_NETWORK, _TIMEOUT or _SERVER it may have been carried out all the same.
 */
int32_t emnify_request(const emnify_client *client,
                       const char *method,
                       const char *path,
                       const emnify_request_options *options,
                       emnify_response **response,
                       emnify_error **error);

/**
 * The HTTP status, from 200 to 299; 0 if `response` is NULL.
 */
int32_t emnify_response_status(const emnify_response *response);

/**
 * The value of the header `name`, in upper or lower case, such as "X-Total-Count"; the first where
 * there are several.
 *
 * Borrowed from `response`. NULL where there is none, or its value is no text.
 */
const char *emnify_response_header(const emnify_response *response, const char *name);

/**
 * The body, decompressed, and a NUL behind it. `*length` becomes its length in bytes without that,
 * if `length` is not NULL. A body that is no text may have a NUL within.
 *
 * Borrowed from `response`, and wiped with it. Never NULL, even if there was no body; NULL, and 0
 * in `*length`, if `response` is NULL.
 */
const char *emnify_response_body(const emnify_response *response, size_t *length);

/**
 * Wipes the body, and frees the answer with all that was borrowed from it. NULL is allowed.
 */
void emnify_response_free(emnify_response *response);

/* ---------------------------------------------------------------------------------------------- */
/* Any other call: a collection, row by row                                                       */
/* ---------------------------------------------------------------------------------------------- */

/**
 * The rows of a collection, each once, whatever pages the server cuts it into.
 *
 * Made by emnify_paginate(), owned by the caller, freed with emnify_pages_free(). It may outlive
 * its client, and goes on making calls then. One thread at a time.
 */
typedef struct emnify_pages emnify_pages;

/**
 * Gives the rows of the collection at `path`, such as /api/v1/sim, to the caller in `*pages`. A
 * query may stand behind the path. `per_page` is how many rows to fetch with each call, of which
 * more are fewer calls; 0 means 100.
 *
 * Nothing is sent, and `path` not checked, before emnify_pages_next(). Any thread.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT if a pointer is NULL or the path is no UTF-8.
 */
int32_t emnify_paginate(const emnify_client *client,
                        const char *path,
                        uint64_t per_page,
                        emnify_pages **pages,
                        emnify_error **error);

/**
 * Gives the next row in `*row`: its JSON as the server sent it, as one line of text that ends with a
 * NUL. `*length`
 * becomes its length in bytes without that, if `length` is not NULL. After the last row, `*row`
 * becomes NULL and `*length` 0, and the call succeeds.
 *
 * Borrowed from `pages`, until the next call with it or until it is freed. One thread at a time.
 *
 * A page is fetched when its first row is asked for, which takes at most the configured timeout.
 * What may pass by itself is tried again. Fails as emnify_request() does, and with
 * EMNIFY_ERR_PROTOCOL where the answer is neither a list nor an object with one in `data`; after a
 * failure there are no more rows.
 */
int32_t emnify_pages_next(emnify_pages *pages,
                          const char **row,
                          size_t *length,
                          emnify_error **error);

/**
 * Frees the pages, and with them the row that was borrowed last. NULL is allowed.
 */
void emnify_pages_free(emnify_pages *pages);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: creating one                                                               */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An application token that was just created, and whose value is shown this once.
 *
 * Made by emnify_token_create(), owned by the caller, freed with emnify_created_token_free(),
 * which wipes it. Any thread may read it.
 */
typedef struct emnify_created_token emnify_created_token;

/**
 * What a new application token shall be like. Everything is optional; an expiry and an address
 * limit what a stolen one is good for.
 *
 * Start from EMNIFY_TOKEN_OPTIONS_INIT, which sets `size`: later versions add members at the end,
 * and a program that was built with this one goes on working. The strings are copied.
 */
typedef struct {
  /**
   * sizeof(emnify_token_options).
   */
  size_t size;
  /**
   * A label: at most 1,024 bytes, no control character; or NULL.
   */
  const char *description;
  /**
   * When it shall expire: a date such as "2027-05-29" (00:00 UTC on that day), or an instant in
   * RFC 3339 such as "2027-05-29T18:30:00Z"; in the future; or NULL.
   */
  const char *expiry_date;
  /**
   * The one address, or the range in CIDR notation, that it may be used from; IPv4 or IPv6; or
   * NULL.
   */
  const char *ip;
  /**
   * The expiry in seconds of Unix time; 0 where `expiry_date` says it. Not both. Messages call it
   * expiry_date too.
   */
  int64_t expires_at;
} emnify_token_options;

/**
 * What to start from: emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
 */
#define EMNIFY_TOKEN_OPTIONS_INIT { sizeof(emnify_token_options), NULL, NULL, NULL, 0 }

/**
 * Creates an application token and gives it to the caller in `*created`. Its value is there and
 * nowhere else: store it before you free that. `options` may be NULL: no label, no expiry, valid
 * from anywhere.
 *
 * If the response contains no id, it is looked for in the list, which is read before and after;
 * where that fails or leaves doubt, emnify_created_token_id() is 0 and the value is there all the
 * same.
 *
 * Takes at most the configured timeout. Any thread.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT before anything was sent; EMNIFY_ERR_VALIDATION, _FORBIDDEN
 * and the like as the server answers. After EMNIFY_ERR_NETWORK, _TIMEOUT or _SERVER a token may
 * have been created whose value nobody knows: emnify_token_list() shows it, and it should be
 * revoked.
 */
int32_t emnify_token_create(const emnify_client *client,
                            const emnify_token_options *options,
                            emnify_created_token **created,
                            emnify_error **error);

/**
 * The application token itself, ending with a NUL: a secret, to be stored and never to be logged.
 *
 * Borrowed from `created`, and wiped with it. NULL if that is NULL.
 */
const char *emnify_created_token_reveal(const emnify_created_token *created);

/**
 * Its id, by which it can be revoked; 0 where it could not be found out for certain, in which case
 * emnify_token_list() shows it by its description.
 */
uint64_t emnify_created_token_id(const emnify_created_token *created);

/**
 * Wipes the value and frees it. The application token itself stays. NULL is allowed.
 */
void emnify_created_token_free(emnify_created_token *created);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: one of those that there are                                                */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A status of an application token: it can be used until it expires.
 */
#define EMNIFY_TOKEN_ACTIVATED 0

/**
 * A status of an application token: it is refused for good.
 */
#define EMNIFY_TOKEN_REVOKED 1

/**
 * The server did not tell the status of an application token.
 */
#define EMNIFY_TOKEN_STATUS_UNKNOWN (-1)

/**
 * What is known about an application token; never its value, which is shown only once. Borrowed
 * from its list or audit and freed with it.
 */
typedef struct emnify_token emnify_token;

/**
 * The id by which it is updated and revoked; 0 if `token` is NULL.
 */
uint64_t emnify_token_id(const emnify_token *token);

/**
 * Its label. NULL if it has none.
 */
const char *emnify_token_description(const emnify_token *token);

/**
 * Its status: EMNIFY_TOKEN_ACTIVATED, EMNIFY_TOKEN_REVOKED, EMNIFY_TOKEN_STATUS_UNKNOWN, or a
 * number that this version does not know. One that expired may still be activated.
 */
int64_t emnify_token_status(const emnify_token *token);

/**
 * When it was created, in seconds of Unix time; 0 if that is not known.
 */
int64_t emnify_token_created_at(const emnify_token *token);

/**
 * When it expires, as the server wrote it. NULL if it does not expire.
 */
const char *emnify_token_expiry_date(const emnify_token *token);

/**
 * When it expires, in seconds of Unix time; 0 if it does not, or if what the server wrote cannot
 * be read: emnify_token_expiry_date() tells these apart. A date without a time of day counts from
 * its first moment in UTC.
 */
int64_t emnify_token_expires_at(const emnify_token *token);

/**
 * The address or range that it may be used from. NULL means any.
 */
const char *emnify_token_ip(const emnify_token *token);

/**
 * The name of the user who created it. NULL if that is not known.
 */
const char *emnify_token_creator(const emnify_token *token);

/**
 * Changes the label of the application token `id` to `description`: at most 1,024 bytes, no
 * control character.
 *
 * Takes at most the configured timeout. Any thread. Fails with EMNIFY_ERR_INVALID_INPUT before
 * anything was sent, EMNIFY_ERR_NOT_FOUND where there is no such token, and besides as
 * emnify_authenticate() does.
 */
int32_t emnify_token_update(const emnify_client *client,
                            uint64_t id,
                            const char *description,
                            emnify_error **error);

/**
 * Revokes the application token `id` for good. Auth tokens that were obtained with it stay valid
 * until they expire. Revoking a revoked one is no error.
 *
 * Takes at most the configured timeout. Any thread. Fails with EMNIFY_ERR_NOT_FOUND where there is
 * no such token, and besides as emnify_authenticate() does.
 */
int32_t emnify_token_revoke(const emnify_client *client, uint64_t id, emnify_error **error);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: the list of them                                                           */
/* ---------------------------------------------------------------------------------------------- */

/**
 * Application tokens of a workspace, as they were when the list was read.
 *
 * Made by emnify_token_list() or emnify_token_own(), owned by the caller, freed with
 * emnify_token_list_free(). It may outlive its client. Any thread may read it.
 */
typedef struct emnify_tokens emnify_tokens;

/**
 * Gives all application tokens of the workspace, expired and revoked ones too, to the caller in
 * `*list`.
 *
 * Takes at most the configured timeout. Any thread. Fails as emnify_authenticate() does, and with
 * EMNIFY_ERR_FORBIDDEN where these credentials may not see them.
 */
int32_t emnify_token_list(const emnify_client *client, emnify_tokens **list, emnify_error **error);

/**
 * Gives the row of the application token that `client` signs in with, its description and when it
 * expires, to the caller in `*list`: a list of one, or of none where the auth token does not tell
 * which it is, as with user credentials.
 *
 * Takes at most the configured timeout. Any thread. Fails as emnify_token_list() does.
 */
int32_t emnify_token_own(const emnify_client *client, emnify_tokens **list, emnify_error **error);

/**
 * How many application tokens are in the list; 0 if `list` is NULL.
 */
size_t emnify_token_list_size(const emnify_tokens *list);

/**
 * The application token at `index`, counted from 0, in the server's order.
 *
 * Borrowed from `list`. NULL if there are not so many.
 */
const emnify_token *emnify_token_list_at(const emnify_tokens *list, size_t index);

/**
 * Frees a list with all that was borrowed from it. NULL is allowed.
 */
void emnify_token_list_free(emnify_tokens *list);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: what there is to say against them                                          */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A finding: it is the application token that the client signs in with, as far as its auth token
 * tells.
 */
#define EMNIFY_FINDING_OWN 1

/**
 * A finding: it was revoked. Nothing else but EMNIFY_FINDING_OWN is said of such a one.
 */
#define EMNIFY_FINDING_REVOKED 2

/**
 * A finding: it has expired. Nothing else but EMNIFY_FINDING_OWN is said of such a one.
 */
#define EMNIFY_FINDING_EXPIRED 4

/**
 * A finding: a rotation made it and did not finish. That goes on with it, or revokes it, when it is
 * called next. Where nobody will do so, revoke it.
 */
#define EMNIFY_FINDING_ORPHAN 8

/**
 * A finding: it expires within the time that was asked for.
 */
#define EMNIFY_FINDING_EXPIRES_SOON 16

/**
 * A finding: it never expires, so that a stolen one works until somebody notices.
 */
#define EMNIFY_FINDING_NO_EXPIRY 32

/**
 * A finding: it may be used from any address.
 */
#define EMNIFY_FINDING_NO_ADDRESS_RESTRICTION 64

/**
 * A finding: it was created longer ago than was asked for, and should be rotated.
 */
#define EMNIFY_FINDING_OLD 128

/**
 * A finding: it has an expiry date that this library cannot read. Look at it with
 * emnify_token_expiry_date().
 */
#define EMNIFY_FINDING_UNREADABLE_EXPIRY 256

/**
 * The application tokens of a workspace, each with what there is to say against it.
 *
 * Made by emnify_token_audit(), owned by the caller, freed with emnify_audit_free(). It may outlive
 * its client. Any thread may read it.
 */
typedef struct emnify_audit emnify_audit;

/**
 * From when on an application token is worth a word.
 *
 * Start from EMNIFY_AUDIT_OPTIONS_INIT, which sets `size`: later versions add members at the end,
 * and a program that was built with this one goes on working.
 */
typedef struct {
  /**
   * sizeof(emnify_audit_options).
   */
  size_t size;
  /**
   * What expires within so many seconds gets EMNIFY_FINDING_EXPIRES_SOON. 0: 30 days.
   */
  uint64_t expires_within_s;
  /**
   * What was created longer than so many seconds ago gets EMNIFY_FINDING_OLD. 0: 365 days.
   */
  uint64_t older_than_s;
} emnify_audit_options;

/**
 * What to start from: emnify_audit_options options = EMNIFY_AUDIT_OPTIONS_INIT;
 */
#define EMNIFY_AUDIT_OPTIONS_INIT { sizeof(emnify_audit_options), 0, 0 }

/**
 * Judges all application tokens of the workspace, and gives the outcome to the caller in `*audit`.
 * Nothing is changed. `options` may be NULL: the default of each.
 *
 * Takes at most the configured timeout. Any thread. Fails with EMNIFY_ERR_INVALID_INPUT before
 * anything was sent, and besides as emnify_token_list() does.
 */
int32_t emnify_token_audit(const emnify_client *client,
                           const emnify_audit_options *options,
                           emnify_audit **audit,
                           emnify_error **error);

/**
 * How many application tokens there are; 0 if `audit` is NULL.
 */
size_t emnify_audit_size(const emnify_audit *audit);

/**
 * The application token at `index`, counted from 0, in the server's order.
 *
 * Borrowed from `audit`. NULL if there are not so many.
 */
const emnify_token *emnify_audit_token(const emnify_audit *audit, size_t index);

/**
 * What was found at the application token at `index`: a sum of the constants EMNIFY_FINDING_....
 * 0, a good answer, where it is nothing; also where there are not so many.
 */
uint32_t emnify_audit_findings(const emnify_audit *audit, size_t index);

/**
 * Frees an audit with all that was borrowed from it. NULL is allowed.
 */
void emnify_audit_free(emnify_audit *audit);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: the states of a rotation                                                   */
/* ---------------------------------------------------------------------------------------------- */

/**
 * No state: it is not about a rotation.
 */
#define EMNIFY_ROTATION_NONE 0

/**
 * The new application token is being created.
 */
#define EMNIFY_ROTATION_INTENT 1

/**
 * It is created; which row of the list it is, is being found out.
 */
#define EMNIFY_ROTATION_CREATED 2

/**
 * Its row is known; it is being tried.
 */
#define EMNIFY_ROTATION_IDENTIFIED 3

/**
 * It works, and is the one to use from now on; it is being handed over.
 */
#define EMNIFY_ROTATION_COMMITTED 4

/**
 * Both work, until the grace period ends.
 */
#define EMNIFY_ROTATION_GRACE 5

/**
 * The old one is being revoked.
 */
#define EMNIFY_ROTATION_REVOKING 6

/**
 * Only the new one works.
 */
#define EMNIFY_ROTATION_DONE 7

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: rotating one                                                               */
/* ---------------------------------------------------------------------------------------------- */

/**
 * What a rotation came to. It holds no secret.
 *
 * Made by emnify_token_rotate(), owned by the caller, freed with emnify_rotation_free(). It may
 * outlive its client. Any thread may read it.
 */
typedef struct emnify_rotation emnify_rotation;

/**
 * A function of yours that takes the new application token and keeps it where the next start finds
 * it. The `length` bytes at `application_token`, and the NUL behind them, are wiped when the
 * function returns. It returns 0 if it kept it, durably; anything else means that it could not:
 * the rotation stops, and goes on with the same one when emnify_token_rotate() is called again.
 * `user` is what the options said.
 *
 * It is called on the thread that called emnify_token_rotate(), before that returns, and may be
 * called again with the same token after a crash. It may call the client, but not
 * emnify_token_rotate(). It must return: neither throw an exception nor jump out.
 */
typedef int32_t (*emnify_hand_over)(void *user, const char *application_token, size_t length);

/**
 * How an application token shall be replaced. What is not set is as with the old one: its
 * description, the address that it is bound to, how long it lives.
 *
 * Start from EMNIFY_ROTATE_OPTIONS_INIT, which sets `size`: later versions add members at the end,
 * and a program that was built with this one goes on working. The strings are copied.
 */
typedef struct {
  /**
   * sizeof(emnify_rotate_options).
   */
  size_t size;
  /**
   * The id of the application token that the client signs in with, where its auth token does not
   * tell; else 0. It is not for another one: what contradicts the auth token is refused.
   */
  uint64_t id;
  /**
   * Another label: at most 1,024 bytes, no control character; or NULL.
   */
  const char *description;
  /**
   * Another expiry: a date such as "2027-05-29" (00:00 UTC on that day), or an instant in RFC
   * 3339 such as "2027-05-29T18:30:00Z"; in the future; or NULL: the new one lives as long as the
   * old one was made for, from now on.
   */
  const char *expiry_date;
  /**
   * Another address, or range in CIDR notation, that the new one may be used from; or NULL.
   */
  const char *ip;
  /**
   * The other expiry in seconds of Unix time; 0 where `expiry_date` says it, or nothing does. Not
   * both. Messages call it expiry_date too.
   */
  int64_t expires_at;
  /**
   * How many seconds the old one goes on working beside the new one, for others that use it. 0:
   * it is revoked as soon as the new one is proved to work.
   */
  uint64_t grace_s;
  /**
   * Who takes the new application token, instead of the credential file; or NULL. Needed where
   * the client has no such file.
   */
  emnify_hand_over hand_over;
  /**
   * What `hand_over` is called with; it is not looked at.
   */
  void *user;
  /**
   * 1: the old one is left alive, for an application token that may not revoke any. The rotation
   * ends in EMNIFY_ROTATION_DONE, with the event EMNIFY_EVENT_OLD_TOKEN_KEPT. 0: it is revoked,
   * and where that is not permitted the rotation is refused before anything is created.
   */
  uint64_t keep_old;
} emnify_rotate_options;

/**
 * What to start from: emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
 */
#define EMNIFY_ROTATE_OPTIONS_INIT \
    { sizeof(emnify_rotate_options), 0, NULL, NULL, NULL, 0, 0, NULL, NULL, 0 }

/**
 * Replaces the application token that `client` signs in with by a new one, with no moment at which
 * neither works, and gives what that came to to the caller in `*rotation`. `options` may be NULL:
 * all as with the old one, which is revoked at once when the new one is proved to work.
 *
 * The client needs an application token of its own, as text or from a file; a store that is a
 * directory, which keeps how far the rotation has come; and where the credential is text, a
 * `hand_over` in the options. A credential file is replaced by one with the same mode and, on Linux,
 * the same access list, extended attributes of users and SELinux label; what another program wrote
 * into it meanwhile stays.
 *
 * After a failure or a crash, call it again with the same options: it goes on where it stopped,
 * with what it began with. With a grace period the rotation stops in EMNIFY_ROTATION_GRACE, with
 * success, and does not wait: call it again when that is over. Options that are not those which it
 * began with do not apply: see emnify_rotation_ignored_options(). The client goes on with the new
 * application token, and so does one that starts with the old one and the same store;
 * EMNIFY_EVENT_SUCCESSOR_FOUND tells it. At most one rotation runs in a store; who waits for
 * another one's adopts what that came to.
 *
 * Each of its calls takes at most the configured timeout. Any thread.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT where `store` or `hand_over` is missing, an option is wrong,
 * the client signs in as a person, or it cannot be told which application token is its own, and
 * `id` does not say, or how long the new one lives, and no expiry does; with EMNIFY_ERR_FORBIDDEN
 * where the application token may not revoke any, and `keep_old` is 0; as emnify_token_list() does
 * before anything was begun; and from then on with EMNIFY_ERR_ROTATION, or EMNIFY_ERR_CANCELLED
 * after emnify_client_cancel(). emnify_error_rotation_state() says in which state it stopped, and
 * the client goes on with an application token that works.
 */
int32_t emnify_token_rotate(const emnify_client *client,
                            const emnify_rotate_options *options,
                            emnify_rotation **rotation,
                            emnify_error **error);

/**
 * EMNIFY_ROTATION_DONE: the old application token is revoked, or was kept. EMNIFY_ROTATION_GRACE:
 * both work until the grace period ends. EMNIFY_ROTATION_NONE if `rotation` is NULL.
 */
int32_t emnify_rotation_state(const emnify_rotation *rotation);

/**
 * The id of the application token that was replaced; 0 if `rotation` is NULL.
 */
uint64_t emnify_rotation_old_id(const emnify_rotation *rotation);

/**
 * The id of the one that replaces it; 0 if `rotation` is NULL.
 */
uint64_t emnify_rotation_new_id(const emnify_rotation *rotation);

/**
 * In EMNIFY_ROTATION_GRACE, how many milliseconds the grace period lasts after the call; else -1.
 * No time passes for it while the clock is not to be trusted.
 */
int64_t emnify_rotation_grace_left_ms(const emnify_rotation *rotation);

/**
 * Whether another client had rotated the application token already: nothing was changed, and its
 * successor is used. False if `rotation` is NULL.
 */
bool emnify_rotation_is_adopted(const emnify_rotation *rotation);

/**
 * Whether the old application token is left alive, as `keep_old` said in this call or in the one
 * that the rotation began with. False if `rotation` is NULL.
 */
bool emnify_rotation_is_old_kept(const emnify_rotation *rotation);

/**
 * The options of the call that did not apply, because the rotation had begun with others, which
 * did: their names, such as "expiry_date, ip".
 *
 * Borrowed from `rotation`. NULL where all applied, and if `rotation` is NULL.
 */
const char *emnify_rotation_ignored_options(const emnify_rotation *rotation);

/**
 * Frees what a rotation came to. NULL is allowed.
 */
void emnify_rotation_free(emnify_rotation *rotation);

/* ---------------------------------------------------------------------------------------------- */
/* Version                                                                                        */
/* ---------------------------------------------------------------------------------------------- */

/**
 * The first number of the version of this header. It changes with what may break a program.
 */
#define EMNIFY_VERSION_MAJOR 0

/**
 * The second number. It changes with what is new.
 */
#define EMNIFY_VERSION_MINOR 1

/**
 * The third number. It changes with what was repaired.
 */
#define EMNIFY_VERSION_PATCH 0

/**
 * The version of the library that runs, such as "0.1.0".
 *
 * Never NULL. The string is constant and never freed. Any thread.
 */
const char *emnify_version(void);

/**
 * The version of the library that runs as a number that grows with each version, such as 1002003
 * for 1.2.3; EMNIFY_VERSION_NUMBER is that of the header. Any thread.
 */
uint32_t emnify_version_number(void);

/**
 * The version of this header, as text.
 */
#define EMNIFY_VERSION "0.1.0"

/**
 * The version of this header as a number that grows with each version:
 * #if EMNIFY_VERSION_NUMBER >= 1002000 asks for 1.2.0 or later.
 */
#define EMNIFY_VERSION_NUMBER \
    (EMNIFY_VERSION_MAJOR * 1000000 + EMNIFY_VERSION_MINOR * 1000 + EMNIFY_VERSION_PATCH)

#ifdef __cplusplus
}
#endif

#endif /* EMNIFY_H */
