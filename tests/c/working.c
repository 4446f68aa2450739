/*
 * Calls that succeed: sign in, keep the auth token, and create, list, change and revoke application
 * tokens.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

static void a_sign_in_is_made_once(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *first = NULL;
    emnify_auth_token *second = NULL;
    emnify_client *client = sandbox_client();

    CHECK_NUMBER(sandbox_calls("", ""), 0);
    CHECK_OK(emnify_authenticate(client, &first, &error));
    CHECK_OK(emnify_authenticate(client, &second, NULL));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);

    CHECK(strncmp(emnify_auth_token_reveal(first), "eyJ", 3) == 0);
    CHECK_TEXT(emnify_auth_token_reveal(first), emnify_auth_token_reveal(second));
    CHECK(emnify_auth_token_reveal(first) == emnify_auth_token_reveal(second));
    CHECK_NUMBER(emnify_auth_token_organisation_id(first), 1234);
    CHECK(emnify_auth_token_expires_at(first) > (int64_t)time(NULL) + 239 * 60);
    CHECK(emnify_auth_token_expires_at(first) < (int64_t)time(NULL) + 241 * 60);

    /* The auth token outlives the client. */
    emnify_client_free(client);
    CHECK_TEXT(emnify_auth_token_reveal(first), emnify_auth_token_reveal(second));
    emnify_auth_token_free(first);
    emnify_auth_token_free(second);
}

static void a_token_can_be_asked_for_that_stays_valid_for_long_enough(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();

    CHECK_OK(emnify_authenticate_for(client, 3 * 3600 * 1000, &auth_token, &error));
    emnify_auth_token_free(auth_token);
    CHECK_REFUSED(emnify_authenticate_for(client, 4 * 3600 * 1000, &auth_token, &error),
                  "valid_for");
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

static void the_environment_alone_is_enough(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = NULL;

    CHECK_OK(emnify_client_new(NULL, &client, &error));
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
}

static void a_token_file_is_read_at_each_sign_in(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = NULL;
    emnify_config *config = emnify_config_new();
    char path[] = "/tmp/emnify-token-XXXXXX";
    int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");

    CHECK_OK(emnify_config_set_application_token_file(config, path, &error));
    client = client_of(config);
    CHECK_REFUSED(emnify_authenticate(client, &auth_token, &error), "application_token_file");
    fprintf(file, " %s\n", sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    fclose(file);
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
    unlink(path);
}

static void a_reported_token_is_replaced_once(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *first = NULL;
    emnify_auth_token *second = NULL;
    emnify_client *client = sandbox_client();

    CHECK_OK(emnify_authenticate(client, &first, &error));
    sandbox_request("POST", "/revoke_auth_tokens", "", NULL, 0);
    emnify_invalidate(client, first);
    CHECK_OK(emnify_authenticate(client, &second, &error));
    CHECK(strcmp(emnify_auth_token_reveal(first), emnify_auth_token_reveal(second)) != 0);
    emnify_invalidate(client, first);
    emnify_auth_token_free(first);
    CHECK_OK(emnify_authenticate(client, &first, &error));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    emnify_auth_token_free(first);
    emnify_auth_token_free(second);
    emnify_client_free(client);
}

static void a_token_can_be_reported_as_text(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    char first[2048];
    char header[2048];
    size_t length = 0;

    CHECK_OK(emnify_authorization_header(client, first, sizeof first, &length, &error));
    /* Passes another text, the whole header, and the token alone. */
    emnify_invalidate_text(client, first, length - 1);
    CHECK_OK(emnify_authorization_header(client, header, sizeof header, NULL, &error));
    CHECK_TEXT(header, first);
    emnify_invalidate_text(client, first, length);
    CHECK_OK(emnify_authorization_header(client, header, sizeof header, &length, &error));
    CHECK(strcmp(header, first) != 0);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    emnify_client_free(client);

    client = sandbox_client();
    CHECK_OK(emnify_authorization_header(client, first, sizeof first, &length, &error));
    emnify_invalidate_text(client, first + 7, length - 7);
    CHECK_OK(emnify_authorization_header(client, header, sizeof header, NULL, &error));
    CHECK(strcmp(header, first) != 0);
    emnify_client_free(client);
}

static void retry_now_ends_the_wait(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_status *status = NULL;
    emnify_client *client = hasty_client(2000);

    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"status\", \"status\": 503,"
                  " \"times\": 3}");
    CHECK_NUMBER(emnify_authenticate(client, &auth_token, &error), EMNIFY_ERR_SERVER);
    CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_SERVER, "cannot sign in");
    sandbox_clear_faults();
    emnify_client_retry_now(client);
    CHECK_OK(emnify_status_new(client, &status, &error));
    CHECK_NUMBER(emnify_status_next_attempt_ms(status), -1);
    emnify_status_free(status);
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
}

static void the_header_is_written_whole_or_not_at_all(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();
    char expected[2048];
    char buffer[2048];
    size_t length = 0;
    size_t needed = 0;

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    snprintf(expected, sizeof expected, "Bearer %s", emnify_auth_token_reveal(auth_token));
    emnify_auth_token_free(auth_token);

    CHECK_REFUSED(emnify_authorization_header(client, NULL, 0, &needed, &error), "buffer");
    CHECK_NUMBER(needed, strlen(expected));
    memset(buffer, '?', sizeof buffer);
    CHECK_REFUSED(emnify_authorization_header(client, buffer, needed, &length, &error), "buffer");
    CHECK_NUMBER(length, needed);
    CHECK(buffer[0] == '?' && buffer[needed] == '?');
    CHECK_OK(emnify_authorization_header(client, buffer, needed + 1, &length, &error));
    CHECK_NUMBER(length, needed);
    CHECK_TEXT(buffer, expected);
    CHECK(buffer[needed + 1] == '?');
    CHECK_OK(emnify_authorization_header(client, buffer, sizeof buffer, NULL, &error));
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

static const emnify_token *row_of(const emnify_tokens *list, uint64_t id)
{
    size_t i;

    for (i = 0; i < emnify_token_list_size(list); i++) {
        if (emnify_token_id(emnify_token_list_at(list, i)) == id) {
            return emnify_token_list_at(list, i);
        }
    }
    return NULL;
}

static void an_application_token_is_created_listed_and_revoked(void)
{
    emnify_error *error = NULL;
    emnify_created_token *created = NULL;
    emnify_tokens *list = NULL;
    emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
    emnify_client *client = sandbox_client();
    const emnify_token *row;
    uint64_t id;

    options.description = "gateway 7, hall \xc3\xa4";
    options.expiry_date = "2999-05-29";
    CHECK_OK(emnify_token_create(client, &options, &created, &error));
    CHECK(strncmp(emnify_created_token_reveal(created), "eyJ", 3) == 0);
    id = emnify_created_token_id(created);
    CHECK(id != 0);
    emnify_created_token_free(created);

    CHECK_OK(emnify_token_update(client, id, "gateway 8", &error));
    CHECK_OK(emnify_token_revoke(client, id, &error));
    CHECK_OK(emnify_token_revoke(client, id, &error));
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    row = row_of(list, id);
    CHECK_TEXT(emnify_token_description(row), "gateway 8");
    CHECK_NUMBER(emnify_token_status(row), EMNIFY_TOKEN_REVOKED);
    CHECK(emnify_token_expiry_date(row) != NULL);
    emnify_token_list_free(list);
    CHECK_ERROR(emnify_token_revoke(client, 999999, &error), EMNIFY_ERR_NOT_FOUND, "cannot");
    CHECK_ERROR(emnify_token_update(client, 999999, "x", &error), EMNIFY_ERR_NOT_FOUND, "cannot");
    emnify_client_free(client);
}

static void options_are_optional(void)
{
    emnify_error *error = NULL;
    emnify_created_token *created = NULL;
    emnify_tokens *list = NULL;
    emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
    emnify_list_options list_options = EMNIFY_LIST_OPTIONS_INIT;
    emnify_client *client = sandbox_client();
    uint64_t days;

    CHECK_OK(emnify_token_create(client, NULL, &created, &error));
    emnify_created_token_free(created);
    CHECK_OK(emnify_token_create(client, &options, &created, &error));
    emnify_created_token_free(created);
    options.expiry_date = "2999-05-29T00:00:00Z";
    options.ip = "2001:db8::/48";
    CHECK_OK(emnify_token_create(client, &options, &created, &error));
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    CHECK_TEXT(emnify_token_ip(row_of(list, emnify_created_token_id(created))), "2001:db8::/48");
    CHECK_TEXT(emnify_token_expiry_date(row_of(list, emnify_created_token_id(created))),
               "2999-05-29T00:00:00.000Z");
    emnify_created_token_free(created);
    emnify_token_list_free(list);
    options.expiry_date = NULL;
    options.expires_in_s = 90 * 86400;
    CHECK_OK(emnify_token_create(client, &options, &created, &error));
    for (days = 89; days <= 91; days += 2) {
        list_options.expires_within_s = days * 86400;
        CHECK_OK(emnify_token_list(client, &list_options, &list, &error));
        CHECK_NUMBER(emnify_token_findings(row_of(list, emnify_created_token_id(created))),
                     days == 91 ? EMNIFY_FINDING_EXPIRES_SOON : 0);
        emnify_token_list_free(list);
    }
    emnify_created_token_free(created);
    emnify_client_free(client);
}

static void a_list_has_present_and_missing_fields(void)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    emnify_client *client = sandbox_client();
    const emnify_token *row;
    char value[1024];

    sandbox_seed_token("{\"description\": \"full\", \"created\": \"2026-01-02T03:04:05.000Z\","
                       " \"expiry_date\": \"someday\", \"ip\": \"192.0.2.0/24\"}",
                       value, sizeof value);
    sandbox_seed_token("{\"without_creator\": true, \"without_created\": true}", value,
                       sizeof value);
    sandbox_settings("{\"default_per_page\": 1}");
    CHECK_OK(emnify_token_list(client, NULL, &list, &error));
    emnify_client_free(client);
    CHECK_NUMBER(emnify_token_list_size(list), 3);

    row = emnify_token_list_at(list, 0);
    CHECK_NUMBER(emnify_token_id(row), 4711);
    CHECK_TEXT(emnify_token_description(row), "Sandbox");
    CHECK_NUMBER(emnify_token_status(row), EMNIFY_TOKEN_ACTIVATED);
    CHECK_TEXT(emnify_token_creator(row), "Ford Prefect");

    row = emnify_token_list_at(list, 1);
    CHECK_TEXT(emnify_token_description(row), "full");
    CHECK_NUMBER(emnify_token_created_at(row), 1767323045);
    CHECK_TEXT(emnify_token_expiry_date(row), "someday");
    CHECK_TEXT(emnify_token_ip(row), "192.0.2.0/24");

    row = emnify_token_list_at(list, 2);
    CHECK(emnify_token_id(row) != 0);
    CHECK_TEXT(emnify_token_description(row), NULL);
    CHECK_NUMBER(emnify_token_created_at(row), 0);
    CHECK_TEXT(emnify_token_expiry_date(row), NULL);
    CHECK_TEXT(emnify_token_ip(row), NULL);
    CHECK_TEXT(emnify_token_creator(row), NULL);

    CHECK(emnify_token_list_at(list, 3) == NULL);
    CHECK(emnify_token_list_at(list, SIZE_MAX) == NULL);
    emnify_token_list_free(list);
}

/* Firmware may have no file system, and application tokens may be limited to an address. */
static void certificates_in_memory_and_an_address_of_this_machine(void)
{
    static char pem[16384];
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();
    emnify_client *client;
    FILE *file = fopen(sandbox_variable("SSL_CERT_FILE"), "rb");
    size_t length = file != NULL ? fread(pem, 1, sizeof pem, file) : 0;
    char token[1024];

    CHECK(file != NULL && fclose(file) == 0);
    sandbox_seed_token("{\"ip\": \"127.0.0.2\"}", token, sizeof token);
    CHECK_OK(emnify_config_set_application_token(config, token, strlen(token), &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("OTHER_CA_FILE"), &error));
    CHECK_OK(emnify_config_set_ca_pem(config, pem, length, &error));
    CHECK_OK(emnify_config_set_local_address(config, "127.0.0.2", &error));
#ifdef __linux__
    CHECK_OK(emnify_config_set_interface(config, "lo", &error));
#endif
    client = client_of(config);
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

static void the_library_knows_its_version(void)
{
    char expected[32];

    CHECK_TEXT(emnify_version(), EMNIFY_VERSION);
    snprintf(expected, sizeof expected, "%d.%d.%d", EMNIFY_VERSION_MAJOR, EMNIFY_VERSION_MINOR,
             EMNIFY_VERSION_PATCH);
    CHECK_TEXT(emnify_version(), expected);
#if EMNIFY_VERSION_NUMBER < 1000 || EMNIFY_VERSION_NUMBER >= 2000000000
#error "it is compared by the preprocessor, too"
#endif
    CHECK_NUMBER(emnify_version_number(), EMNIFY_VERSION_NUMBER);
    CHECK_TEXT(emnify_error_name(EMNIFY_OK), "EMNIFY_OK");
    CHECK_TEXT(emnify_error_name(EMNIFY_ERR_TIMEOUT), "EMNIFY_ERR_TIMEOUT");
    CHECK_TEXT(emnify_error_name(-1), "EMNIFY_ERR_UNKNOWN");
    CHECK_TEXT(emnify_error_reason_name(EMNIFY_REASON_CLOCK), "EMNIFY_REASON_CLOCK");
    CHECK_TEXT(emnify_error_reason_name(-1), "EMNIFY_REASON_UNKNOWN");
}

int main(void)
{
    RUN(a_sign_in_is_made_once);
    RUN(a_token_can_be_asked_for_that_stays_valid_for_long_enough);
    RUN(the_environment_alone_is_enough);
    RUN(a_token_file_is_read_at_each_sign_in);
    RUN(a_reported_token_is_replaced_once);
    RUN(a_token_can_be_reported_as_text);
    RUN(retry_now_ends_the_wait);
    RUN(the_header_is_written_whole_or_not_at_all);
    RUN(an_application_token_is_created_listed_and_revoked);
    RUN(options_are_optional);
    RUN(a_list_has_present_and_missing_fields);
    RUN(certificates_in_memory_and_an_address_of_this_machine);
    RUN(the_library_knows_its_version);
    return check_report();
}
