/*
 * A store directory: the session outlives its process, and processes that share a directory sign in
 * once. Errors of the store are reported and stop no call.
 */

#define _POSIX_C_SOURCE 200809L

#include <sys/wait.h>

#include "support.h"

#define PROCESSES 20

/* The path of this program. */
static const char *program;

static char folder[64];

static void new_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/emnify-store-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

/* Counts the events of each kind. */
static void count_event(void *user, const emnify_event *event)
{
    int *counts = user;

    counts[emnify_event_kind(event)]++;
    check_no_secret(emnify_event_message(event));
}

static emnify_client *stored_client(const char *path, int *counts)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();

    memset(counts, 0, 16 * sizeof *counts);
    CHECK_OK(emnify_config_set_store(config, path, &error));
    CHECK_OK(emnify_config_set_observer(config, count_event, counts, NULL, &error));
    return client_of(config);
}

static void a_warm_store_saves_the_sign_in(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *first = NULL;
    emnify_auth_token *second = NULL;
    emnify_status *status = NULL;
    emnify_client *client;
    int counts[16];

    new_folder();
    client = stored_client(folder, counts);
    CHECK_OK(emnify_authenticate(client, &first, &error));
    CHECK_NUMBER(counts[EMNIFY_EVENT_AUTHENTICATED], 1);
    emnify_client_free(client);

    client = stored_client(folder, counts);
    CHECK_OK(emnify_authenticate(client, &second, &error));
    CHECK_NUMBER(counts[EMNIFY_EVENT_ADOPTED], 1);
    CHECK_NUMBER(counts[EMNIFY_EVENT_AUTHENTICATED], 0);
    CHECK_TEXT(emnify_auth_token_reveal(first), emnify_auth_token_reveal(second));
    CHECK(emnify_auth_token_expires_at(first) == emnify_auth_token_expires_at(second));
    CHECK_OK(emnify_status_new(client, &status, &error));
    CHECK(emnify_status_signed_in(status));
    CHECK_NUMBER(emnify_status_calls_made(status), 0);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);

    emnify_status_free(status);
    emnify_auth_token_free(first);
    emnify_auth_token_free(second);
    emnify_client_free(client);
    remove_folder(folder);
}

/* The main function of each process. */
static int sign_in_with_store(const char *path)
{
    emnify_error *error = NULL;
    int counts[16];
    emnify_client *client = stored_client(path, counts);
    int32_t status = authenticate(client, &error);

    if (status != EMNIFY_OK) {
        printf("  %s\n", emnify_error_message(error));
    }
    emnify_error_free(error);
    emnify_client_free(client);
    return status == EMNIFY_OK && counts[EMNIFY_EVENT_STORE_ERROR] == 0 && check_failures == 0
               ? 0
               : 1;
}

static void many_processes_sign_in_once(void)
{
    pid_t processes[PROCESSES];
    int status;
    int i;

    new_folder();
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"delay\","
                  " \"milliseconds\": 300}");
    fflush(stdout);
    for (i = 0; i < PROCESSES; i++) {
        processes[i] = fork();
        if (processes[i] == 0) {
            execute(program, folder);
        }
    }
    for (i = 0; i < PROCESSES; i++) {
        status = -1;
        CHECK(waitpid(processes[i], &status, 0) == processes[i]);
        CHECK_NUMBER(status, 0);
    }
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    remove_folder(folder);
}

static void a_restart_does_not_end_a_cool_down(void)
{
    emnify_error *error = NULL;
    emnify_client *client;
    int counts[16];
    int restarts;

    new_folder();
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"kind\": \"status\", \"status\": 429,"
                  " \"headers\": {\"Retry-After\": \"600\"}}");
    for (restarts = 0; restarts < 3; restarts++) {
        client = stored_client(folder, counts);
        CHECK_NUMBER(authenticate(client, &error), EMNIFY_ERR_RATE_LIMITED);
        CHECK(emnify_error_retry_after_ms(error) > 500000);
        CHECK_ERROR(emnify_error_code(error), EMNIFY_ERR_RATE_LIMITED, "cannot sign in");
        emnify_client_free(client);
    }
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    remove_folder(folder);
}

static void an_unusable_directory_stops_no_call(void)
{
    emnify_error *error = NULL;
    int counts[16];
    emnify_client *client = stored_client("/dev/null/store", counts);

    CHECK_OK(authenticate(client, &error));
    CHECK_OK(authenticate(client, &error));
    CHECK(counts[EMNIFY_EVENT_STORE_ERROR] > 0);
    CHECK_NUMBER(counts[EMNIFY_EVENT_AUTHENTICATED], 1);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    emnify_client_free(client);
}

/* Overwrites each file of the folder with invalid content. */
static void damage(void)
{
    char path[512];
    struct dirent *entry;
    DIR *entries = opendir(folder);
    FILE *file;

    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        file = entry->d_name[0] != '.' ? fopen(path, "w") : NULL;
        if (file != NULL) {
            fputs("canary", file);
            fclose(file);
        }
    }
    closedir(entries);
}

static void a_damaged_file_is_set_aside(void)
{
    emnify_error *error = NULL;
    emnify_client *client;
    int counts[16];

    new_folder();
    client = stored_client(folder, counts);
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
    damage();
    client = stored_client(folder, counts);
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(counts[EMNIFY_EVENT_STORE_ERROR], 1);
    emnify_client_free(client);
    client = stored_client(folder, counts);
    CHECK_OK(authenticate(client, &error));
    CHECK_NUMBER(counts[EMNIFY_EVENT_STORE_ERROR], 0);
    CHECK_NUMBER(counts[EMNIFY_EVENT_ADOPTED], 1);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    emnify_client_free(client);
    remove_folder(folder);
}

int main(int count, char **arguments)
{
    program = arguments[0];
    if (count > 1) {
        return sign_in_with_store(arguments[1]);
    }
    RUN(a_warm_store_saves_the_sign_in);
    RUN(many_processes_sign_in_once);
    RUN(a_restart_does_not_end_a_cool_down);
    RUN(an_unusable_directory_stops_no_call);
    RUN(a_damaged_file_is_set_aside);
    return check_report();
}
