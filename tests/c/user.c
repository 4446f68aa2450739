/*
 * Signing in as a user: with a password, with a one-time code from the program's function, on a
 * trusted device without a code, and in other workspaces.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>

#include "support.h"

/* What the function for the code does. */
struct person {
    /* The code to write; NULL: the one that was sent. */
    const char *code;
    /* The value to return; -1: the length of the code. */
    long length;
    pthread_t thread;
    int asked;
    size_t capacity;
};

static size_t answer(void *user, char *code, size_t capacity)
{
    struct person *person = user;
    char sent[32];

    person->asked++;
    person->capacity = capacity;
    person->thread = pthread_self();
    if (person->code == NULL) {
        sandbox_one_time_code(sent, sizeof sent);
    } else {
        snprintf(sent, sizeof sent, "%s", person->code);
    }
    memcpy(code, sent, strlen(sent));
    return person->length < 0 ? strlen(sent) : (size_t)person->length;
}

static emnify_config *user_config(const char *username, struct person *person)
{
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();

    CHECK_OK(emnify_config_set_user(config, username, "passwords", 8, &error));
    CHECK_OK(emnify_config_set_base_url(config, sandbox_variable("EMNIFY_BASE_PATH"), &error));
    CHECK_OK(emnify_config_set_ca_bundle(config, sandbox_variable("SSL_CERT_FILE"), &error));
    if (person != NULL) {
        CHECK_OK(emnify_config_set_mfa(config, answer, person, NULL, &error));
    }
    return config;
}

static void the_environment_may_name_a_user(void)
{
    emnify_error *error = NULL;
    emnify_client *client;
    char *token = strdup(sandbox_variable("EMNIFY_APPLICATION_TOKEN"));

    unsetenv("EMNIFY_APPLICATION_TOKEN");
    setenv("EMNIFY_USERNAME", "user@example.com", 1);
    setenv("EMNIFY_PASSWORD", "password", 1);
    client = client_of(NULL);
    unsetenv("EMNIFY_USERNAME");
    unsetenv("EMNIFY_PASSWORD");
    setenv("EMNIFY_APPLICATION_TOKEN", token, 1);
    free(token);
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
}

static void the_function_for_the_code_runs_on_the_calling_thread(void)
{
    emnify_error *error = NULL;
    struct person person = {NULL, -1, pthread_self(), 0, 0};
    emnify_client *client = client_of(user_config("mfa@example.com", &person));

    memset(&person.thread, 0, sizeof person.thread);
    CHECK_OK(authenticate(client, &error));
    CHECK_OK(authenticate(client, &error));
    CHECK(pthread_equal(person.thread, pthread_self()));
    CHECK_NUMBER(person.asked, 1);
    CHECK_NUMBER(person.capacity, 64);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    emnify_client_free(client);
}

/* Checks that the call fails if the function does this. */
static void check_code(const char *code, long length, int32_t expected, long calls)
{
    emnify_error *error = NULL;
    struct person person = {code, length, pthread_self(), 0, 0};
    emnify_client *client;

    sandbox_reset();
    client = client_of(user_config("mfa@example.com", &person));
    CHECK_ERROR(authenticate(client, &error), expected, "cannot sign in");
    CHECK_NUMBER(person.asked, 1);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), calls);
    /* A refusal delays the next attempt; a code that was not supplied does not. */
    emnify_client_retry_now(client);
    CHECK_ERROR(authenticate(client, &error), expected, "cannot sign in");
    CHECK_NUMBER(person.asked, expected == EMNIFY_ERR_REJECTED ? 1 : 2);
    emnify_client_free(client);
}

static void an_invalid_code_fails_the_call(void)
{
    check_code("canary", -1, EMNIFY_ERR_REJECTED, 2);
    check_code("canary", 0, EMNIFY_ERR_MFA_REQUIRED, 1);
    check_code("canary", 65, EMNIFY_ERR_MFA_REQUIRED, 1);
    check_code("\xff", -1, EMNIFY_ERR_MFA_REQUIRED, 1);
}

static void a_trusted_device_needs_no_code(void)
{
    emnify_error *error = NULL;
    struct person person = {NULL, -1, pthread_self(), 0, 0};
    emnify_config *config = user_config("mfa@example.com", &person);
    emnify_client *client;

    CHECK_OK(emnify_config_set_trusted_device(config, "canary-device-7!", 15, "hall 7", &error));
    client = client_of(config);
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
    CHECK_NUMBER(person.asked, 1);

    config = user_config("mfa@example.com", NULL);
    CHECK_OK(emnify_config_set_trusted_device(config, "canary-device-7", 15, "hall 7", &error));
    client = client_of(config);
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);

    /* Another device is not trusted. */
    config = user_config("mfa@example.com", NULL);
    CHECK_OK(emnify_config_set_trusted_device(config, "canary-device-8", 15, "hall 8", &error));
    client = client_of(config);
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_MFA_REQUIRED, "cannot sign in");
    emnify_client_free(client);
}

/* Signs in and checks the workspace. */
static void check_workspace(const emnify_client *client, uint64_t id)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    CHECK_NUMBER(emnify_auth_token_organisation_id(auth_token), id);
    emnify_auth_token_free(auth_token);
}

static void a_user_works_in_two_workspaces(void)
{
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    struct person person = {NULL, -1, pthread_self(), 0, 0};
    emnify_client *first = client_of(user_config("mfa@example.com", &person));
    emnify_client *other = NULL;

    CHECK_OK(emnify_switch_workspace(first, 5678, &other, &error));
    check_workspace(other, 5678);
    check_workspace(first, 1234);
    CHECK_NUMBER(person.asked, 1);
    /* Each client is freed separately, and the other one still renews its token. */
    emnify_client_free(first);
    sandbox_request("POST", "/revoke_auth_tokens", "", NULL, 0);
    CHECK_OK(emnify_request(other, "GET", "/api/v1/endpoint", NULL, &response, &error));
    CHECK_TEXT(emnify_response_header(response, "X-Total-Count"), "12");
    emnify_response_free(response);
    check_workspace(other, 5678);

    CHECK_OK(emnify_switch_workspace(other, 1234, &first, &error));
    check_workspace(first, 1234);
    emnify_client_free(other);
    emnify_client_free(first);
}

int main(void)
{
    RUN(the_environment_may_name_a_user);
    RUN(the_function_for_the_code_runs_on_the_calling_thread);
    RUN(an_invalid_code_fails_the_call);
    RUN(a_trusted_device_needs_no_code);
    RUN(a_user_works_in_two_workspaces);
    return check_report();
}
