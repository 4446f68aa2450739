/*
 * Invalid values and missing pointers. Each must fail with EMNIFY_ERR_INVALID_INPUT and a message
 * that names the argument, and nothing may be sent.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

/* Checks that a client with this configuration is refused. */
static int32_t new_client(emnify_config *config, emnify_error **error)
{
    emnify_client *client = NULL;
    int32_t status = emnify_client_new(config, &client, error);

    CHECK((client == NULL) == (status != EMNIFY_OK));
    emnify_client_free(client);
    emnify_config_free(config);
    return status;
}

static int32_t with_token(const char *token, size_t length, emnify_error **error)
{
    emnify_config *config = emnify_config_new();
    int32_t status = emnify_config_set_application_token(config, token, length, error);

    if (status != EMNIFY_OK) {
        emnify_config_free(config);
        return status;
    }
    return new_client(config, error);
}

static void application_tokens(void)
{
    static char long_token[8194];
    emnify_error *error = NULL;

    memset(long_token, 'x', sizeof long_token);
    CHECK_REFUSED(with_token("", 0, &error), "application_token");
    CHECK_REFUSED(with_token("canary\n", 7, &error), "application_token");
    CHECK_REFUSED(with_token("can\0ary", 7, &error), "application_token");
    CHECK_REFUSED(with_token("can ary", 7, &error), "application_token");
    CHECK_REFUSED(with_token("can\xc3\xa4ry", 7, &error), "application_token");
    CHECK_REFUSED(with_token("canary\xff", 7, &error), "application_token");
    CHECK_REFUSED(with_token(NULL, 7, &error), "application_token");
    CHECK_REFUSED(with_token("canary", SIZE_MAX, &error), "application_token");
    CHECK_REFUSED(with_token(long_token, sizeof long_token, &error), "application_token");
    CHECK_OK(with_token("opaque+token", 6, &error));
}

static int32_t with_text(int32_t (*set)(emnify_config *, const char *, emnify_error **),
                         const char *text, emnify_error **error)
{
    emnify_config *config = sandbox_config();
    int32_t status = set(config, text, error);

    if (status != EMNIFY_OK) {
        emnify_config_free(config);
        return status;
    }
    return new_client(config, error);
}

static void configurations(void)
{
    emnify_error *error = NULL;
    emnify_config *config;

    CHECK_REFUSED(with_text(emnify_config_set_base_url, "http://cdn.emnify.net", &error),
                  "base_url");
    CHECK_REFUSED(with_text(emnify_config_set_base_url, "cdn.emnify.net", &error), "base_url");
    CHECK_REFUSED(with_text(emnify_config_set_base_url, "https://me:canary@x.example", &error),
                  "base_url");
    CHECK_REFUSED(with_text(emnify_config_set_base_url, "", &error), "base_url");
    CHECK_REFUSED(with_text(emnify_config_set_base_url, "https://\xff", &error), "base_url");
    CHECK_REFUSED(with_text(emnify_config_set_ca_bundle, "/nonexistent/ca.pem", &error),
                  "ca_bundle");
    CHECK_REFUSED(with_text(emnify_config_set_ca_bundle, "/dev/null", &error), "ca_bundle");
    CHECK_REFUSED(with_text(emnify_config_set_ca_bundle, sandbox_variable("NO_PEM_FILE"), &error),
                  "ca_bundle");
    CHECK_REFUSED(with_text(emnify_config_set_ca_bundle, "\xff", &error), "ca_bundle");
    CHECK_REFUSED(with_text(emnify_config_set_proxy, "canary", &error), "proxy");
    CHECK_REFUSED(with_text(emnify_config_set_proxy, "\xff", &error), "proxy");
    /* Two kinds of credentials are refused. */
    CHECK_REFUSED(with_text(emnify_config_set_application_token_file, "/dev/null", &error),
                  "application_token");
    CHECK_REFUSED(with_text(emnify_config_set_store, "\xff", &error), "store");
    CHECK_REFUSED(with_text(emnify_config_set_application_token_file, "\xff", &error),
                  "application_token_file");

    config = sandbox_config();
    CHECK_OK(emnify_config_set_timeout_ms(config, 0, &error));
    CHECK_REFUSED(new_client(config, &error), "timeout");
    config = sandbox_config();
    CHECK_OK(emnify_config_set_connect_timeout_ms(config, 0, &error));
    CHECK_REFUSED(new_client(config, &error), "connect_timeout");
    config = sandbox_config();
    CHECK_OK(emnify_config_set_fleet_size(config, 0, &error));
    CHECK_REFUSED(new_client(config, &error), "fleet_size");
}

static int32_t with_user(const char *username, const char *password, size_t length,
                         emnify_error **error)
{
    emnify_config *config = emnify_config_new();
    int32_t status = emnify_config_set_user(config, username, password, length, error);

    if (status != EMNIFY_OK) {
        emnify_config_free(config);
        return status;
    }
    return new_client(config, error);
}

static int32_t with_device(const char *fingerprint, size_t length, const char *name,
                           emnify_error **error)
{
    emnify_config *config = emnify_config_new();
    int32_t status = emnify_config_set_user(config, "user@example.com", "password", 8, error);

    if (status == EMNIFY_OK) {
        status = emnify_config_set_trusted_device(config, fingerprint, length, name, error);
    }
    if (status != EMNIFY_OK) {
        emnify_config_free(config);
        return status;
    }
    return new_client(config, error);
}

static void people(void)
{
    static char long_fingerprint[257];
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    memset(long_fingerprint, 'x', sizeof long_fingerprint);
    CHECK_REFUSED(with_user("", "canary", 6, &error), "username");
    CHECK_REFUSED(with_user("a\nb", "canary", 6, &error), "username");
    CHECK_REFUSED(with_user("\xff", "canary", 6, &error), "username");
    CHECK_REFUSED(with_user(NULL, "canary", 6, &error), "username");
    CHECK_REFUSED(with_user("a", "", 0, &error), "password");
    CHECK_REFUSED(with_user("a", "canary\xff", 7, &error), "password");
    CHECK_REFUSED(with_user("a", NULL, 6, &error), "password");
    CHECK_REFUSED(with_user("a", "canary", SIZE_MAX, &error), "password");
    CHECK_OK(with_user("a", "can ary\0\n", 9, &error));

    CHECK_REFUSED(with_device("canary7", 7, "hall", &error), "trusted_device");
    CHECK_REFUSED(with_device("can ary8", 8, "hall", &error), "trusted_device");
    CHECK_REFUSED(with_device(long_fingerprint, 257, "hall", &error), "trusted_device");
    CHECK_REFUSED(with_device("canary8\xff", 8, "hall", &error), "fingerprint");
    CHECK_REFUSED(with_device(NULL, 8, "hall", &error), "fingerprint");
    CHECK_REFUSED(with_device("canary88", SIZE_MAX, "hall", &error), "fingerprint");
    CHECK_REFUSED(with_device("canary88", 8, "\xff", &error), "name");
    CHECK_REFUSED(with_device("canary88", 8, NULL, &error), "name");
    CHECK_OK(with_device(long_fingerprint, 256, "hall", &error));

    /* An application token and a user are refused. */
    CHECK_OK(emnify_config_set_user(config, "user@example.com", "password", 8, &error));
    CHECK_REFUSED(new_client(config, &error), "application_token");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
}

static void a_refused_value_leaves_the_configuration_unchanged(void)
{
    emnify_error *error = NULL;
    emnify_client *client = NULL;
    emnify_config *config = sandbox_config();

    CHECK_REFUSED(emnify_config_set_base_url(config, "\xff", &error), "base_url");
    CHECK_REFUSED(emnify_config_set_application_token(config, NULL, 0, &error),
                  "application_token");
    CHECK_OK(emnify_client_new(config, &client, &error));
    emnify_config_free(config);
    CHECK_OK(emnify_token_update(client, 4711, "renamed", &error));
    emnify_client_free(client);
}

static int32_t create(emnify_client *client, emnify_token_options options, emnify_error **error)
{
    emnify_created_token *created = NULL;
    int32_t status = emnify_token_create(client, &options, &created, error);

    CHECK((created == NULL) == (status != EMNIFY_OK));
    emnify_created_token_free(created);
    return status;
}

/* Sets a member of the options, which must be refused. */
#define CHECK_OPTION(member, value, name)                                  \
    do {                                                                   \
        emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;          \
        options.member = (value);                                          \
        CHECK_REFUSED(create(client, options, &error), name);              \
    } while (0)

static void new_tokens(void)
{
    static char megabyte[1024 * 1024 + 1];
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    emnify_token_options both = EMNIFY_TOKEN_OPTIONS_INIT;

    memset(megabyte, 'x', sizeof megabyte - 1);
    CHECK_OPTION(description, megabyte, "description");
    CHECK_OPTION(description, "a\nb", "description");
    CHECK_OPTION(description, "\xc3", "description");
    CHECK_OPTION(expiry_date, "2001-01-01", "expiry_date");
    CHECK_OPTION(expiry_date, "2001-01-01T00:00:00Z", "expiry_date");
    CHECK_OPTION(expiry_date, "2999-02-30", "expiry_date");
    CHECK_OPTION(expiry_date, "tomorrow", "expiry_date");
    CHECK_OPTION(expiry_date, "", "expiry_date");
    CHECK_OPTION(expiry_date, "\xff", "expiry_date");
    CHECK_OPTION(expires_in_s, UINT64_MAX, "expires_in");
    CHECK_OPTION(ip, "300.1.2.3/99", "ip");
    CHECK_OPTION(ip, "example.com", "ip");
    CHECK_OPTION(ip, "", "ip");
    CHECK_OPTION(ip, "\xff", "ip");
    CHECK_OPTION(size, 0, "options");
    CHECK_OPTION(size, sizeof(size_t), "options");
    CHECK_OPTION(size, SIZE_MAX, "options");
    both.expiry_date = "2999-01-01";
    both.expires_in_s = 3600;
    CHECK_REFUSED(create(client, both, &error), "expires_in");

    CHECK_REFUSED(emnify_token_update(client, 4711, megabyte, &error), "description");
    CHECK_REFUSED(emnify_token_update(client, 4711, "\xff", &error), "description");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    emnify_client_free(client);
}

static size_t no_code(void *user, char *code, size_t capacity)
{
    (void)user;
    (void)code;
    (void)capacity;
    return 0;
}

static void nothing_to_do(void *user, const emnify_event *event)
{
    (void)user;
    (void)event;
}

static void null_arguments(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    emnify_config *config = emnify_config_new();
    emnify_auth_token *auth_token = NULL;
    emnify_created_token *created = NULL;
    emnify_tokens *list = NULL;
    emnify_status *status = NULL;
    emnify_client *new_client = NULL;
    emnify_response *response = NULL;
    emnify_pages *pages = NULL;
    emnify_token *own = NULL;
    emnify_rotation *rotation = NULL;
    const char *row = "row";
    size_t length = 77;
    char buffer[8];

    CHECK_REFUSED(emnify_config_set_application_token(NULL, "x", 1, &error), "config");
    CHECK_REFUSED(emnify_config_set_application_token_file(NULL, "x", &error), "config");
    CHECK_REFUSED(emnify_config_set_application_token_file(config, NULL, &error),
                  "application_token_file");
    CHECK_REFUSED(emnify_config_set_base_url(NULL, "x", &error), "config");
    CHECK_REFUSED(emnify_config_set_base_url(config, NULL, &error), "base_url");
    CHECK_REFUSED(emnify_config_set_timeout_ms(NULL, 1, &error), "config");
    CHECK_REFUSED(emnify_config_set_connect_timeout_ms(NULL, 1, &error), "config");
    CHECK_REFUSED(emnify_config_set_ca_bundle(NULL, "x", &error), "config");
    CHECK_REFUSED(emnify_config_set_ca_bundle(config, NULL, &error), "ca_bundle");
    CHECK_REFUSED(emnify_config_set_ca_pem(NULL, "x", 1, &error), "config");
    CHECK_REFUSED(emnify_config_set_ca_pem(config, NULL, 0, &error), "pem");
    CHECK_REFUSED(emnify_config_set_interface(NULL, "lo", &error), "config");
    CHECK_REFUSED(emnify_config_set_interface(config, NULL, &error), "interface");
    CHECK_REFUSED(emnify_config_set_local_address(NULL, "::1", &error), "config");
    CHECK_REFUSED(emnify_config_set_local_address(config, NULL, &error), "local_address");
    CHECK_REFUSED(emnify_config_set_proxy(NULL, "x", &error), "config");
    CHECK_REFUSED(emnify_config_set_proxy(config, NULL, &error), "proxy");
    CHECK_REFUSED(emnify_config_set_store(NULL, "x", &error), "config");
    CHECK_REFUSED(emnify_config_set_store(config, NULL, &error), "store");
    CHECK_REFUSED(emnify_config_set_fleet_size(NULL, 1, &error), "config");
    CHECK_REFUSED(emnify_config_set_pacing(NULL, true, &error), "config");
    CHECK_REFUSED(emnify_config_set_user(NULL, "x", "x", 1, &error), "config");
    CHECK_REFUSED(emnify_config_set_mfa(NULL, no_code, NULL, NULL, &error), "config");
    CHECK_REFUSED(emnify_config_set_mfa(config, NULL, config, NULL, &error), "mfa");
    CHECK_REFUSED(emnify_config_set_trusted_device(NULL, "canary88", 8, "x", &error), "config");
    CHECK_REFUSED(emnify_config_set_observer(NULL, nothing_to_do, NULL, NULL, &error), "config");
    CHECK_REFUSED(emnify_config_set_observer(config, NULL, config, NULL, &error), "observer");
    CHECK_OK(emnify_config_set_observer(config, nothing_to_do, NULL, NULL, &error));
    CHECK_OK(emnify_config_set_mfa(config, no_code, NULL, NULL, &error));
    emnify_config_free(config);

    CHECK_REFUSED(emnify_client_new(NULL, NULL, &error), "client");
    CHECK_REFUSED(emnify_authenticate(NULL, &auth_token, &error), "client");
    CHECK_REFUSED(emnify_authenticate(client, NULL, &error), "auth_token");
    CHECK_REFUSED(emnify_authorization_header(NULL, buffer, 8, &length, &error), "client");
    CHECK_REFUSED(emnify_authorization_header(client, NULL, 8, &length, &error), "buffer");
    CHECK_NUMBER(length, 77);
    CHECK_REFUSED(emnify_status_new(NULL, &status, &error), "client");
    CHECK_REFUSED(emnify_status_new(client, NULL, &error), "status");
    CHECK_REFUSED(emnify_token_create(NULL, NULL, &created, &error), "client");
    CHECK_REFUSED(emnify_token_create(client, NULL, NULL, &error), "created");
    CHECK_REFUSED(emnify_token_list(NULL, NULL, &list, &error), "client");
    CHECK_REFUSED(emnify_token_list(client, NULL, NULL, &error), "list");
    CHECK_REFUSED(emnify_token_update(NULL, 1, "x", &error), "client");
    CHECK_REFUSED(emnify_token_update(client, 1, NULL, &error), "description");
    CHECK_REFUSED(emnify_token_revoke(NULL, 1, &error), "client");
    CHECK_REFUSED(emnify_token_own(NULL, &own, &error), "client");
    CHECK_REFUSED(emnify_token_own(client, NULL, &error), "token");
    CHECK_REFUSED(emnify_token_rotate(NULL, NULL, &rotation, &error), "client");
    CHECK_REFUSED(emnify_token_rotate(client, NULL, NULL, &error), "rotation");
    CHECK_REFUSED(emnify_switch_workspace(NULL, 5678, &new_client, &error), "client");
    CHECK_REFUSED(emnify_switch_workspace(client, 5678, NULL, &error), "new_client");
    CHECK_REFUSED(emnify_request(NULL, "GET", "/", NULL, &response, &error), "client");
    CHECK_REFUSED(emnify_request(client, NULL, "/", NULL, &response, &error), "method");
    CHECK_REFUSED(emnify_request(client, "GET", NULL, NULL, &response, &error), "path");
    CHECK_REFUSED(emnify_request(client, "GET", "/", NULL, NULL, &error), "response");
    CHECK_REFUSED(emnify_paginate(NULL, "/", 0, &pages, &error), "client");
    CHECK_REFUSED(emnify_paginate(client, NULL, 0, &pages, &error), "path");
    CHECK_REFUSED(emnify_paginate(client, "/\xff", 0, &pages, &error), "path");
    CHECK_REFUSED(emnify_paginate(client, "/", 0, NULL, &error), "pages");
    CHECK_REFUSED(emnify_pages_next(NULL, &row, &length, &error), "pages");
    CHECK_OK(emnify_paginate(client, "/", 0, &pages, &error));
    CHECK_REFUSED(emnify_pages_next(pages, NULL, &length, &error), "row");
    emnify_pages_free(pages);
    CHECK(strcmp(row, "row") == 0 && length == 77);

    /* The pointer to the error may be NULL. */
    CHECK_NUMBER(emnify_client_new(NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_authenticate(NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_authorization_header(NULL, NULL, 0, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_status_new(NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_config_set_observer(NULL, NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_config_set_mfa(NULL, NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_config_set_user(NULL, NULL, NULL, 0, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_token_create(NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_token_list(NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_token_update(NULL, 0, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_token_revoke(NULL, 0, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_token_own(NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_token_rotate(NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_switch_workspace(NULL, 0, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_request(NULL, NULL, NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_paginate(NULL, NULL, 0, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_pages_next(NULL, NULL, NULL, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(emnify_config_set_pacing(NULL, false, NULL), EMNIFY_ERR_INVALID_INPUT);
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    CHECK(auth_token == NULL && created == NULL && list == NULL && status == NULL);
    CHECK(new_client == NULL && response == NULL && own == NULL && rotation == NULL);
    emnify_client_free(client);
}

static void getters_accept_null(void)
{
    emnify_client *client = sandbox_client();
    size_t length = 77;

    emnify_invalidate(NULL, NULL);
    emnify_invalidate(client, NULL);
    emnify_invalidate_text(NULL, "canary", 6);
    emnify_invalidate_text(client, NULL, 6);
    emnify_invalidate_text(client, "\xff", 1);
    emnify_invalidate_text(client, "canary", SIZE_MAX);
    emnify_invalidate_text(client, "", 0);
    emnify_client_retry_now(NULL);
    emnify_client_free(client);
    emnify_config_free(NULL);
    emnify_client_free(NULL);
    emnify_auth_token_free(NULL);
    emnify_created_token_free(NULL);
    emnify_token_list_free(NULL);
    emnify_error_free(NULL);
    emnify_status_free(NULL);
    emnify_response_free(NULL);
    emnify_pages_free(NULL);
    emnify_token_free(NULL);
    emnify_rotation_free(NULL);
    CHECK(emnify_response_status(NULL) == 0);
    CHECK(emnify_response_header(NULL, "Date") == NULL);
    CHECK(emnify_response_body(NULL, NULL) == NULL);
    CHECK(emnify_response_body(NULL, &length) == NULL && length == 0);
    CHECK(emnify_rotation_state(NULL) == EMNIFY_ROTATION_NONE);
    CHECK(emnify_rotation_old_id(NULL) == 0);
    CHECK(emnify_rotation_new_id(NULL) == 0);
    CHECK(emnify_rotation_grace_left_ms(NULL) == -1);
    CHECK(!emnify_rotation_is_adopted(NULL));
    CHECK(emnify_auth_token_reveal(NULL) == NULL);
    CHECK(emnify_auth_token_expires_at(NULL) == 0);
    CHECK(emnify_auth_token_organisation_id(NULL) == 0);
    CHECK(emnify_event_kind(NULL) == EMNIFY_EVENT_OTHER);
    CHECK(emnify_event_message(NULL) == NULL);
    CHECK(emnify_event_error(NULL) == NULL);
    CHECK(emnify_event_next_attempt_ms(NULL) == -1);
    CHECK(emnify_event_expires_at(NULL) == 0);
    CHECK(!emnify_status_signed_in(NULL));
    CHECK(emnify_status_valid_until(NULL) == 0);
    CHECK(emnify_status_next_attempt_ms(NULL) == -1);
    CHECK(emnify_status_last_error(NULL) == NULL);
    CHECK(emnify_status_calls_made(NULL) == 0);
    CHECK(emnify_status_last_change(NULL) == 0);
    CHECK(emnify_error_copy(NULL) == NULL);
    CHECK(emnify_created_token_reveal(NULL) == NULL);
    CHECK(emnify_created_token_id(NULL) == 0);
    CHECK(emnify_token_list_size(NULL) == 0);
    CHECK(emnify_token_list_at(NULL, 0) == NULL);
    CHECK(emnify_token_id(NULL) == 0);
    CHECK(emnify_token_description(NULL) == NULL);
    CHECK(emnify_token_status(NULL) == EMNIFY_TOKEN_STATUS_UNKNOWN);
    CHECK(emnify_token_created_at(NULL) == 0);
    CHECK(emnify_token_expiry_date(NULL) == NULL);
    CHECK(emnify_token_ip(NULL) == NULL);
    CHECK(emnify_token_creator(NULL) == NULL);
    CHECK(emnify_token_findings(NULL) == 0);
    CHECK(emnify_error_code(NULL) == EMNIFY_OK);
    CHECK(emnify_error_message(NULL) == NULL);
    CHECK(emnify_error_http_status(NULL) == 0);
    CHECK(emnify_error_retry_after_ms(NULL) == -1);
    CHECK(!emnify_error_is_retryable(NULL));
    CHECK(emnify_error_reason(NULL) == EMNIFY_REASON_NONE);
    CHECK(emnify_error_rotation_state(NULL) == EMNIFY_ROTATION_NONE);
    CHECK(emnify_error_api_code(NULL) == 0);
    CHECK(emnify_error_api_name(NULL) == NULL);
    CHECK(emnify_error_api_message(NULL) == NULL);
    CHECK(emnify_error_nested_size(NULL) == 0);
    CHECK(emnify_error_nested_code(NULL, 0) == 0);
    CHECK(emnify_error_nested_name(NULL, 0) == NULL);
    CHECK(emnify_error_nested_message(NULL, 0) == NULL);
}

static void an_environment_without_a_token_is_refused(void)
{
    emnify_error *error = NULL;
    emnify_client *client = NULL;
    char *token = strdup(sandbox_variable("EMNIFY_APPLICATION_TOKEN"));

    unsetenv("EMNIFY_APPLICATION_TOKEN");
    CHECK_NUMBER(emnify_client_new(NULL, &client, &error), EMNIFY_ERR_INVALID_INPUT);
    CHECK(strstr(emnify_error_message(error), "EMNIFY_APPLICATION_TOKEN") != NULL);
    setenv("EMNIFY_APPLICATION_TOKEN", token, 1);
    CHECK(client == NULL);
    emnify_error_free(error);
    free(token);
}

int main(void)
{
    RUN(application_tokens);
    RUN(configurations);
    RUN(people);
    RUN(a_refused_value_leaves_the_configuration_unchanged);
    RUN(new_tokens);
    RUN(null_arguments);
    RUN(getters_accept_null);
    RUN(an_environment_without_a_token_is_refused);
    return check_report();
}
