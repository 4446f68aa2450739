/*
 * emnify.h - keeps a machine signed in to emnify and looks after its application tokens.
 *
 * A machine exchanges a long-lived application token for an auth token, a JWT that goes into the
 * header "Authorization: Bearer ..." of every call to emnify. This library does the exchange, keeps
 * the outcome, renews it, and lets any number of threads share it. It also creates, lists, changes
 * and revokes application tokens.
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
 * Calls. A call that can fail returns an int32_t: EMNIFY_OK or one of EMNIFY_ERR_... Its last
 * argument is where an error object goes, or NULL if you do not want one. A result is written only
 * where the call succeeds, an error only where it fails. The previous error is neither read nor
 * freed: free it, and set the variable to NULL, before you use it for another call. NULL where
 * something is needed is refused with EMNIFY_ERR_INVALID_INPUT and a message that names the
 * argument.
 *
 * Ownership. What a call gives you through a pointer to a pointer is yours, and the type's free
 * function takes it back; all of those take NULL. A string or a row that a function returns is
 * borrowed from the handle that it was asked of: it is valid until that is freed, and you neither
 * change nor free it. What you pass in is copied; nothing is kept but the copy.
 *
 * Text is UTF-8 and ends with a NUL, in and out. A secret that you pass in comes with its length.
 * No text out is ever cut short. Secrets are wiped from memory when they are freed; messages never
 * hold them. Instants are int64_t seconds of Unix time, durations milliseconds, ids uint64_t; a
 * zero means none.
 *
 * Threads. A client may be used by any number of threads at once. Everything that a call gives you
 * is never changed afterwards: any thread may read it, and one frees it when no other does. There
 * is no thread-local or global state. Nothing of yours is called back. The library's own thread
 * blocks all signals, so handlers run on yours; SIGPIPE cannot come from here. A client works on
 * both sides of a fork().
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
 * Too many calls (HTTP 429), or held back by this library's own budget;
 * emnify_error_retry_after_ms() says for how long.
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
 * The replacement of an application token stopped; the message says in which state.
 */
#define EMNIFY_ERR_ROTATION 17

/**
 * A fault of this library.
 */
#define EMNIFY_ERR_INTERNAL 18

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
 * emnify_error_free(). Any thread may read it.
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
 * emnify's own number for the error, such as 1400; 0 where the answer had none. It need not agree
 * with the HTTP status.
 */
int64_t emnify_error_api_code(const emnify_error *error);

/**
 * emnify's own word for the error, such as "InputValidationFailed".
 *
 * Borrowed from `error`. NULL where the answer had none.
 */
const char *emnify_error_api_token(const emnify_error *error);

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
 * The word of the nested message at `index`, such as "Required".
 *
 * Borrowed from `error`. NULL where it has none or there is no such message.
 */
const char *emnify_error_nested_token(const emnify_error *error, size_t index);

/**
 * The sentence of the nested message at `index`.
 *
 * Borrowed from `error`. NULL where it has none or there is no such message.
 */
const char *emnify_error_nested_message(const emnify_error *error, size_t index);

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
 * EMNIFY_APPLICATION_TOKEN_FILE names. Set this or emnify_config_set_application_token_file(), not
 * both.
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
 * Sets the path of a file that holds the application token. It is read at each sign-in, so that a
 * token that was replaced is picked up with no restart.
 *
 * Default: see emnify_config_set_application_token(). Fails with EMNIFY_ERR_INVALID_INPUT if a
 * pointer is NULL or the path is no UTF-8. A file that cannot be read, or holds no token, is
 * reported by the call that signs in.
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
 * Frees a configuration and wipes its token. NULL is allowed. Clients that were made from it are
 * not affected.
 */
void emnify_config_free(emnify_config *config);

/* ---------------------------------------------------------------------------------------------- */
/* Client                                                                                         */
/* ---------------------------------------------------------------------------------------------- */

/**
 * A machine that is signed in to emnify, or about to be.
 *
 * Made by emnify_client_new(), owned by the caller, freed with emnify_client_free(). Any number of
 * threads may use one at the same time; one of them signs in and the others wait for it.
 */
typedef struct emnify_client emnify_client;

/**
 * Makes a client from `config`, or from the environment alone if that is NULL, and gives it to the
 * caller in `*client`. `config` is not kept and may be freed.
 *
 * Everything is checked here and nothing is sent: the client connects with its first call. Nor is
 * a thread started here; the first call starts one, which belongs to the process that it is made
 * in. So make the client before you fork, or after, as you like.
 *
 * Fails with EMNIFY_ERR_INVALID_INPUT, and a message that names the option or the environment
 * variable.
 */
int32_t emnify_client_new(const emnify_config *config,
                          emnify_client **client,
                          emnify_error **error);

/**
 * Frees a client, once no thread uses it any more. NULL is allowed. What it gave out, such as auth
 * tokens, lives on. It closes the connections, which may take a moment.
 */
void emnify_client_free(emnify_client *client);

/* ---------------------------------------------------------------------------------------------- */
/* Auth tokens                                                                                    */
/* ---------------------------------------------------------------------------------------------- */

/**
 * An auth token: what goes into the header "Authorization: Bearer ...".
 *
 * Made by emnify_authenticate(), owned by the caller, freed with emnify_auth_token_free(), which
 * wipes it. It may outlive its client. Any thread may read it.
 */
typedef struct emnify_auth_token emnify_auth_token;

/**
 * Gives an auth token that is valid now to the caller in `*auth_token`: the cached one, or a new
 * one. Ask each time you need one and keep none: this is fast, and knows when to renew.
 *
 * Takes at most the configured timeout. Any thread.
 *
 * Fails with EMNIFY_ERR_REJECTED where the application token is refused, EMNIFY_ERR_LOCKED where
 * it was refused too often; EMNIFY_ERR_NETWORK, _TLS, _TIMEOUT, _RATE_LIMITED, _SERVER where
 * emnify cannot be asked; EMNIFY_ERR_PROTOCOL where the answer makes no sense;
 * EMNIFY_ERR_INVALID_INPUT where `client` or `auth_token` is NULL, or the credential file cannot
 * be read.
 */
int32_t emnify_authenticate(const emnify_client *client,
                            emnify_auth_token **auth_token,
                            emnify_error **error);

/**
 * The auth token itself, ending with a NUL: a secret, to be sent and never to be logged.
 *
 * Borrowed from `auth_token`, and wiped with it. NULL if that is NULL.
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
 * Frees an auth token and wipes the copy that emnify_auth_token_reveal() lent. NULL is allowed.
 */
void emnify_auth_token_free(emnify_auth_token *auth_token);

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
 * Tells that a server refused `auth_token` (HTTP 401). If `client` still has it cached it is
 * dropped, and the next emnify_authenticate() fetches another; a late report about an earlier one
 * changes nothing. Free it as usual. Any thread. If either is NULL nothing happens.
 */
void emnify_invalidate(const emnify_client *client, const emnify_auth_token *auth_token);

/* ---------------------------------------------------------------------------------------------- */
/* Application tokens: what a new one shall be like                                               */
/* ---------------------------------------------------------------------------------------------- */

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
   * The same in seconds of Unix time; 0 where `expiry_date` says it. Not both. Messages call it
   * expiry_date too.
   */
  int64_t expires_at;
  /**
   * The one address, or the range in CIDR notation, that it may be used from; IPv4 or IPv6; or
   * NULL.
   */
  const char *ip;
} emnify_token_options;

/**
 * What to start from: emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
 */
#define EMNIFY_TOKEN_OPTIONS_INIT { sizeof(emnify_token_options), NULL, NULL, 0, NULL }

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
 * Creates an application token and gives it to the caller in `*created`. Its value is there and
 * nowhere else: store it before you free that. `options` may be NULL: no label, no expiry, valid
 * from anywhere.
 *
 * The API does not tell the id of what it created. It is looked for with two more calls at most;
 * where they fail or leave doubt, emnify_created_token_id() is 0 and the value is there all the
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
 * from its list and freed with it.
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
 * The application tokens of a workspace, as they were when emnify_token_list() was called.
 *
 * Owned by the caller, freed with emnify_token_list_free(). It may outlive its client. Any thread
 * may read it.
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
 * How many application tokens there are; 0 if `list` is NULL.
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
 * The version of this header, as text.
 */
#define EMNIFY_VERSION "0.1.0"

#ifdef __cplusplus
}
#endif

#endif /* EMNIFY_H */
