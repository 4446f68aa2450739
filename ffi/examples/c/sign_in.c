/*
 * Signs in to emnify, creates an application token, prints the list, and revokes the token again.
 *
 * Set EMNIFY_APPLICATION_TOKEN, or EMNIFY_APPLICATION_TOKEN_FILE, and run
 *
 *     cc sign_in.c -I../../../include -lemnify -o sign_in && ./sign_in
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "emnify.h"

/* Writes a time, such as "2027-05-29T18:30:00Z", to `text`, and returns `text`. */
static const char *utc(int64_t unix_seconds, char text[32])
{
    time_t instant = (time_t)unix_seconds;
    struct tm *parts = gmtime(&instant);

    if (parts == NULL || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", parts) == 0) {
        strcpy(text, "?");
    }
    return text;
}

/* Prints enough of a secret to recognise it, but too little to use it. */
static void print_masked(const char *secret)
{
    printf("%.4s... (%u characters)", secret, (unsigned)strlen(secret));
}

/* Each step returns a status code. The first one that is not EMNIFY_OK ends the program. */

static int32_t sign_in(const emnify_client *client, emnify_error **error)
{
    emnify_auth_token *auth_token = NULL;
    char text[32];
    int32_t status = emnify_authenticate(client, &auth_token, error);

    if (status == EMNIFY_OK) {
        printf("Signed in to workspace %" PRIu64 ".\n",
               emnify_auth_token_organisation_id(auth_token));
        printf("Auth token ");
        print_masked(emnify_auth_token_reveal(auth_token));
        printf(", valid until %s.\n", utc(emnify_auth_token_expires_at(auth_token), text));
    }
    emnify_auth_token_free(auth_token);
    return status;
}

static int32_t create(const emnify_client *client, uint64_t *id, emnify_error **error)
{
    emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
    emnify_created_token *created = NULL;
    int32_t status;

    options.description = "sign_in example";
    options.expires_in_s = 3600;
    status = emnify_token_create(client, &options, &created, error);
    if (status == EMNIFY_OK) {
        /* The value is shown only now. A real program stores it here. */
        printf("Created application token ");
        print_masked(emnify_created_token_reveal(created));
        *id = emnify_created_token_id(created);
        if (*id != 0) {
            printf(", id %" PRIu64 ".\n", *id);
        } else {
            printf(", id not known.\n");
        }
    }
    emnify_created_token_free(created);
    return status;
}

static int32_t list(const emnify_client *client, emnify_error **error)
{
    emnify_tokens *tokens = NULL;
    int32_t status = emnify_token_list(client, NULL, &tokens, error);
    size_t i;

    if (status == EMNIFY_OK) {
        printf("Application tokens of this workspace:\n");
    }
    for (i = 0; i < emnify_token_list_size(tokens); i++) {
        const emnify_token *token = emnify_token_list_at(tokens, i);
        const char *description = emnify_token_description(token);
        const char *expiry_date = emnify_token_expiry_date(token);

        printf("  %8" PRIu64 "  %-9s  expires %s  %s\n", emnify_token_id(token),
               emnify_token_status(token) == EMNIFY_TOKEN_REVOKED ? "revoked" : "activated",
               expiry_date != NULL ? expiry_date : "never",
               description != NULL ? description : "(no description)");
    }
    emnify_token_list_free(tokens);
    return status;
}

int main(void)
{
    emnify_client *client = NULL;
    emnify_error *error = NULL;
    uint64_t id = 0;

    /* NULL: all settings come from the environment. */
    int32_t status = emnify_client_new(NULL, &client, &error);

    if (status == EMNIFY_OK) {
        status = sign_in(client, &error);
    }
    if (status == EMNIFY_OK) {
        status = create(client, &id, &error);
    }
    if (status == EMNIFY_OK) {
        status = list(client, &error);
    }
    if (id != 0) {
        /* Revokes the token also if the list failed. The first error is reported. */
        emnify_error **second_error = error == NULL ? &error : NULL;
        int32_t revoked = emnify_token_revoke(client, id, second_error);

        if (revoked == EMNIFY_OK) {
            printf("Revoked application token %" PRIu64 ".\n", id);
        } else if (status == EMNIFY_OK) {
            status = revoked;
        }
    }

    if (status != EMNIFY_OK) {
        fprintf(stderr, "sign_in: %s\n(%s)\n", emnify_error_message(error),
                emnify_error_name(status));
        if (emnify_error_is_retryable(error)) {
            int64_t wait = emnify_error_retry_after_ms(error);

            fprintf(stderr, "Try again %s", wait < 0 ? "later" : "in ");
            if (wait >= 0) {
                fprintf(stderr, "%" PRId64 " s", (wait + 999) / 1000);
            }
            fprintf(stderr, ".\n");
        }
    }
    emnify_error_free(error);
    emnify_client_free(client);
    return status == EMNIFY_OK ? 0 : 1;
}
