/*
 * Rotations that are refused before anything is created, with a message that names the reason.
 */

#define _POSIX_C_SOURCE 200809L

#include "rotation.h"

/* Checks that a rotation with these options is refused. */
static int32_t rotate(const emnify_client *client, emnify_rotate_options options,
                      emnify_error **error)
{
    emnify_rotation *rotation = NULL;
    int32_t status = emnify_token_rotate(client, &options, &rotation, error);

    CHECK((rotation == NULL) == (status != EMNIFY_OK));
    emnify_rotation_free(rotation);
    return status;
}

static void missing_requirements_are_named(void)
{
    emnify_error *error = NULL;
    struct taken taken;
    emnify_rotate_options options = taken_by(&taken);
    emnify_rotate_options none = EMNIFY_ROTATE_OPTIONS_INIT;
    emnify_client *client = sandbox_client();
    emnify_config *config = emnify_config_new();

    CHECK_REFUSED(rotate(client, options, &error), "store");
    emnify_client_free(client);
    new_store();
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_REFUSED(rotate(client, none, &error), "hand_over");
    emnify_client_free(client);

    /* A user has no application token. */
    CHECK_OK(emnify_config_set_user(config, "user@example.com", "password", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    CHECK_OK(emnify_config_set_store(config, store, &error));
    client = client_of(config);
    CHECK_REFUSED(rotate(client, options, &error), "rotate");
    emnify_client_free(client);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_APPLICATION_TOKEN), 0);
    CHECK_NUMBER(taken.times, 0);
    remove_folder(store);
}

/* Sets a member of the options, which must be refused. */
#define CHECK_OPTION(member, value, name)                        \
    do {                                                         \
        emnify_rotate_options options = taken_by(&taken);        \
        options.member = (value);                                \
        CHECK_REFUSED(rotate(client, options, &error), name);    \
    } while (0)

static void wrong_options_are_refused(void)
{
    static char megabyte[1024 * 1024 + 1];
    emnify_error *error = NULL;
    struct taken taken;
    emnify_client *client;

    memset(megabyte, 'x', sizeof megabyte - 1);
    new_store();
    client = client_of_text(sandbox_variable("EMNIFY_APPLICATION_TOKEN"), NULL);
    CHECK_OPTION(size, 0, "options");
    CHECK_OPTION(size, sizeof(size_t), "options");
    CHECK_OPTION(size, SIZE_MAX, "options");
    CHECK_OPTION(description, "\xff", "description");
    CHECK_OPTION(expiry_date, "\xff", "expiry_date");
    CHECK_OPTION(ip, "\xff", "ip");
    CHECK_OPTION(description, megabyte, "description");
    CHECK_OPTION(expiry_date, "tomorrow", "expiry_date");
    CHECK_OPTION(ip, "example.com", "ip");
    /* This token is not the one that the client signs in with. */
    CHECK_OPTION(id, 4712, "id");
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_APPLICATION_TOKEN), 0);
    CHECK_NUMBER(taken.times, 0);
    emnify_client_free(client);
    remove_folder(store);
}

int main(void)
{
    RUN(missing_requirements_are_named);
    RUN(wrong_options_are_refused);
    return check_report();
}
