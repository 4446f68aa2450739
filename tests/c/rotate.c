/*
 * Replacing the application token that a client signs in with: a working one exists at all times,
 * and an interrupted rotation continues.
 */

#define _POSIX_C_SOURCE 200809L

#include "rotation.h"

static char token_file[64];

static emnify_client *client_of_file(void)
{
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();

    CHECK_OK(emnify_config_set_application_token_file(config, token_file, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_store(config, store, &error));
    return client_of(config);
}

/* Reads the sandbox's application token with this id. */
static void check_row(uint64_t id, int64_t status, const char *description)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    emnify_config *config = emnify_config_new();
    emnify_client *client;
    const emnify_token *row = NULL;
    size_t i;

    /* A user can list them, whatever their state. */
    CHECK_OK(emnify_config_set_user(config, "user@example.com", "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    client = client_of(config);
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    for (i = 0; i < emnify_token_list_size(list); i++) {
        if (emnify_token_id(emnify_token_list_at(list, i)) == id) {
            row = emnify_token_list_at(list, i);
        }
    }
    CHECK(row != NULL);
    CHECK_NUMBER(emnify_token_status(row), status);
    CHECK_TEXT(emnify_token_description(row), description);
    emnify_token_list_free(list);
    emnify_client_free(client);
}

/* Checks that the rotation of the sandbox's token is done. */
static void check_done(const emnify_rotation *rotation)
{
    CHECK_NUMBER(emnify_rotation_state(rotation), EMNIFY_ROTATION_DONE);
    CHECK_NUMBER(emnify_rotation_old_id(rotation), 4711);
    CHECK(emnify_rotation_new_id(rotation) != 0 && emnify_rotation_new_id(rotation) != 4711);
    CHECK_NUMBER(emnify_rotation_grace_left_ms(rotation), -1);
    CHECK(!emnify_rotation_is_adopted(rotation));
    check_row(4711, EMNIFY_TOKEN_REVOKED, "Sandbox");
}

static void a_credential_file_gets_the_new_token(void)
{
    emnify_error *error = NULL;
    emnify_rotation *rotation = NULL;
    emnify_client *client;
    char token[2048] = "";
    FILE *file;

    new_store();
    snprintf(token_file, sizeof token_file, "/tmp/emnify-token-XXXXXX");
    file = fdopen(mkstemp(token_file), "w");
    fputs(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), file);
    fclose(file);
    client = client_of_file();
    CHECK_OK(emnify_token_rotate(client, NULL, &rotation, &error));
    check_done(rotation);
    check_row(emnify_rotation_new_id(rotation), EMNIFY_TOKEN_ACTIVATED, "Sandbox");
    emnify_rotation_free(rotation);

    file = fopen(token_file, "r");
    CHECK(fgets(token, sizeof token, file) != NULL);
    fclose(file);
    CHECK(strlen(token) > 10);
    CHECK(strcmp(token, sandbox_variable("EMNIFY_APPLICATION_TOKEN")) != 0);

    /* This client and the next one both work. */
    sandbox_request("POST", "/revoke_auth_tokens", "", NULL, 0);
    CHECK_OK(emnify_token_update(client, 4711, "the old one", &error));
    emnify_client_free(client);
    client = client_of_file();
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
    remove_folder(store);
    unlink(token_file);
}

static void a_token_that_is_text_is_handed_over(void)
{
    emnify_error *error = NULL;
    emnify_rotation *rotation = NULL;
    struct taken taken;
    emnify_rotate_options options = taken_by(&taken);
    emnify_client *client;
    int counts[16];

    new_store();
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_OK(emnify_token_rotate(client, &options, &rotation, &error));
    check_done(rotation);
    CHECK_NUMBER(taken.times, 1);
    CHECK_NUMBER(taken.strangers, 0);
    CHECK_NUMBER(strlen(taken.token), taken.length);
    CHECK(strcmp(taken.token, sandbox_variable("EMNIFY_APPLICATION_TOKEN")) != 0);
    sandbox_request("POST", "/revoke_auth_tokens", "", NULL, 0);
    CHECK_OK(emnify_token_update(client, 4711, "the old one", &error));
    emnify_client_free(client);
    /* The result outlives the client. */
    CHECK_NUMBER(emnify_rotation_old_id(rotation), 4711);
    emnify_rotation_free(rotation);

    /* A start with the new token works, and one with the old token finds its successor. */
    client = client_of_text(taken.token, NULL);
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), counts);
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(counts[EMNIFY_EVENT_SUCCESSOR_FOUND], 1);
    emnify_client_free(client);
    remove_folder(store);
}

static void a_copy_of_the_error_has_the_state(void)
{
    emnify_error *error = NULL;
    emnify_error *copy;
    emnify_rotation *rotation = NULL;
    struct taken taken;
    emnify_rotate_options options = taken_by(&taken);
    emnify_client *client;

    new_store();
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    sandbox_fault("{\"path\": \"" SANDBOX_APPLICATION_TOKEN "\", \"method\": \"POST\","
                  " \"kind\": \"status\", \"status\": 403}");
    CHECK_NUMBER(emnify_token_rotate(client, &options, &rotation, &error), EMNIFY_ERR_ROTATION);
    copy = emnify_error_copy(error);
    CHECK_NUMBER(emnify_error_rotation_state(copy), EMNIFY_ROTATION_INTENT);
    CHECK_NUMBER(emnify_error_http_status(copy), 403);
    check_error(&copy, EMNIFY_ERR_ROTATION, EMNIFY_ERR_ROTATION, "", __FILE__, __LINE__);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_ROTATION, "");
    CHECK_NUMBER(taken.times, 0);
    emnify_client_free(client);
    remove_folder(store);
}

static void options_that_did_not_apply_are_reported(void)
{
    emnify_error *error = NULL;
    emnify_rotation *rotation = NULL;
    struct taken taken;
    emnify_rotate_options options = taken_by(&taken);
    emnify_client *client;

    new_store();
    options.grace_s = 3600;
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_OK(emnify_token_rotate(client, &options, &rotation, &error));
    CHECK(emnify_rotation_ignored_options(rotation) == NULL);
    emnify_rotation_free(rotation);
    options.expiry_date = "2098-05-29";
    options.ip = "127.0.0.1";
    CHECK_OK(emnify_token_rotate(client, &options, &rotation, &error));
    CHECK_TEXT(emnify_rotation_ignored_options(rotation), "expiry_date, ip");
    CHECK(!emnify_rotation_is_old_kept(rotation));
    emnify_rotation_free(rotation);
    CHECK(emnify_rotation_ignored_options(NULL) == NULL && !emnify_rotation_is_old_kept(NULL));
    emnify_client_free(client);
    remove_folder(store);
}

int main(void)
{
    RUN(a_credential_file_gets_the_new_token);
    RUN(a_token_that_is_text_is_handed_over);
    RUN(a_copy_of_the_error_has_the_state);
    RUN(options_that_did_not_apply_are_reported);
    return check_report();
}
