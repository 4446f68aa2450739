/*
 * Makes the calls that a scenario asks for, with the C library. README.md describes the lines that it
 * reads and writes.
 */

#define _POSIX_C_SOURCE 200809L

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emnify.h"

enum { CLIENTS = 8, PAIRS = 8 };

/* A client by its name, with its events that were not taken yet. */
typedef struct {
    char name[16];
    emnify_client *client;
    cJSON *events;
} slot;

static slot slots[CLIENTS];

/* The command, whose fields are the arguments of a call, and the fields of its result. */
typedef struct {
    const cJSON *fields;
    cJSON *result;
    emnify_error *error;
} command;

/* Reading a command ---------------------------------------------------------------------------- */

static cJSON *read_line(void)
{
    static char *line;
    static size_t capacity;

    return getline(&line, &capacity, stdin) < 0 ? NULL : cJSON_Parse(line);
}

static const char *text(const command *command, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(command->fields, name));
}

static bool has(const command *command, const char *name)
{
    return cJSON_HasObjectItem(command->fields, name);
}

static double number(const command *command, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(command->fields, name);

    return item != NULL ? cJSON_GetNumberValue(item) : 0;
}

static uint64_t whole(const command *command, const char *name)
{
    return (uint64_t)number(command, name);
}

static uint32_t milliseconds(const command *command, const char *name)
{
    return (uint32_t)(number(command, name) * 1000);
}

static bool flag(const command *command, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItem(command->fields, name));
}

static size_t pairs(const command *command, const char *name, emnify_pair *into)
{
    size_t size = 0;
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(command->fields, name))
    {
        into[size].name = item->string;
        into[size++].value = item->valuestring;
    }
    return size;
}

/* Writing a result ----------------------------------------------------------------------------- */

static void write_line(cJSON *value)
{
    char *line = cJSON_PrintUnformatted(value);

    puts(line);
    fflush(stdout);
    free(line);
    cJSON_Delete(value);
}

static void add_text(cJSON *object, const char *name, const char *value)
{
    if (value != NULL) {
        cJSON_AddStringToObject(object, name, value);
    }
}

/* Adds a number unless it means that there is none. */
static void add_number(cJSON *object, const char *name, double value, double none)
{
    if (value != none) {
        cJSON_AddNumberToObject(object, name, value);
    }
}

static void add_ms(cJSON *object, const char *name, int64_t value)
{
    add_number(object, name, value < 0 ? -1 : (double)value / 1000, -1);
}

/* "EMNIFY_ERR_RATE_LIMITED" becomes "rate_limited"; `start` is "EMNIFY_ERR_". */
static cJSON *lower(const char *name, const char *start)
{
    cJSON *item = cJSON_CreateString(name + strlen(start));
    char *letter;

    for (letter = item->valuestring; *letter != '\0'; letter++) {
        *letter = (char)tolower(*letter);
    }
    return item;
}

static cJSON *error_object(const emnify_error *error)
{
    static const char *const states[] = { NULL,        "intent", "created",  "identified",
                                          "committed", "grace",  "revoking", "done" };
    cJSON *object = cJSON_CreateObject();
    cJSON *api = cJSON_CreateObject();
    int32_t reason = emnify_error_reason(error);
    size_t i;

    cJSON_AddItemToObject(object, "kind",
                          lower(emnify_error_name(emnify_error_code(error)), "EMNIFY_ERR_"));
    if (reason != EMNIFY_REASON_NONE) {
        cJSON_AddItemToObject(object, "reason",
                              lower(emnify_error_reason_name(reason), "EMNIFY_REASON_"));
    }
    add_text(object, "message", emnify_error_message(error));
    add_number(object, "http_status", emnify_error_http_status(error), 0);
    add_ms(object, "retry_after", emnify_error_retry_after_ms(error));
    cJSON_AddBoolToObject(object, "is_retryable", emnify_error_is_retryable(error));
    add_text(object, "rotation_state", states[emnify_error_rotation_state(error)]);
    add_number(api, "code", (double)emnify_error_api_code(error), 0);
    add_text(api, "name", emnify_error_api_name(error));
    add_text(api, "message", emnify_error_api_message(error));
    if (api->child != NULL) {
        cJSON_AddItemToObject(object, "api_error", api);
        api = cJSON_AddArrayToObject(object, "nested");
        for (i = 0; i < emnify_error_nested_size(error); i++) {
            cJSON *nested = cJSON_CreateObject();
            add_number(nested, "code", (double)emnify_error_nested_code(error, i), 0);
            add_text(nested, "name", emnify_error_nested_name(error, i));
            add_text(nested, "message", emnify_error_nested_message(error, i));
            cJSON_AddItemToArray(api, nested);
        }
    } else {
        cJSON_Delete(api);
    }
    return object;
}

static cJSON *token_object(const emnify_token *token)
{
    cJSON *object = cJSON_CreateObject();
    int64_t status = emnify_token_status(token);

    add_number(object, "id", (double)emnify_token_id(token), 0);
    add_text(object, "description", emnify_token_description(token));
    if (status != EMNIFY_TOKEN_STATUS_UNKNOWN) {
        add_text(object, "status",
                 status == EMNIFY_TOKEN_ACTIVATED ? "activated"
                 : status == EMNIFY_TOKEN_REVOKED ? "revoked"
                                                  : "other");
    }
    add_number(object, "created_at", (double)emnify_token_created_at(token), 0);
    add_text(object, "expiry_date", emnify_token_expiry_date(token));
    add_text(object, "ip", emnify_token_ip(token));
    add_text(object, "creator", emnify_token_creator(token));
    return object;
}

static cJSON *audited_object(const emnify_token *token)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *findings;
    uint32_t finding;

    cJSON_AddItemToObject(object, "token", token_object(token));
    findings = cJSON_AddArrayToObject(object, "findings");
    for (finding = 1; finding != 0; finding <<= 1) {
        if (emnify_token_findings(token) & finding) {
            cJSON_AddItemToArray(findings, lower(emnify_finding_name(finding), "EMNIFY_FINDING_"));
        }
    }
    return object;
}

/* Functions of the program --------------------------------------------------------------------- */

/* Asks the runner for what a function of the program returns; NULL if it fails. */
static cJSON *ask(const char *question, const char *application_token)
{
    cJSON *object = cJSON_CreateObject();

    add_text(object, "ask", question);
    add_text(object, "application_token", application_token);
    write_line(object);
    object = read_line();
    if (cJSON_IsTrue(cJSON_GetObjectItem(object, "fail"))) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

static size_t ask_for_text(const char *question, char *into, size_t capacity)
{
    cJSON *answer = ask(question, NULL);
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(answer, "value"));
    size_t length = value != NULL ? strlen(value) : 0;

    if (length <= capacity) {
        memcpy(into, value != NULL ? value : "", length);
    }
    cJSON_Delete(answer);
    return length;
}

static size_t mfa(void *user, char *code, size_t capacity)
{
    (void)user;
    return ask_for_text("mfa", code, capacity);
}

static int32_t hand_over(void *user, const char *application_token, size_t length)
{
    cJSON *answer = ask("hand_over", application_token);
    bool taken = answer != NULL && strlen(application_token) == length;

    (void)user;
    cJSON_Delete(answer);
    return taken ? 0 : 1;
}

static size_t read_back(void *user, char *application_token, size_t capacity)
{
    (void)user;
    return ask_for_text("read_back", application_token, capacity);
}

static void observe(void *user, const emnify_event *event)
{
    cJSON *object = cJSON_CreateObject();
    int32_t level = emnify_event_level(event);

    cJSON_AddItemToObject(object, "kind",
                          lower(emnify_event_name(emnify_event_kind(event)), "EMNIFY_EVENT_"));
    add_text(object, "message", emnify_event_message(event));
    add_text(object, "level",
             level == EMNIFY_LEVEL_ERROR     ? "error"
             : level == EMNIFY_LEVEL_WARNING ? "warning"
                                             : "info");
    if (emnify_event_error(event) != NULL) {
        cJSON_AddItemToObject(object, "error", error_object(emnify_event_error(event)));
    }
    add_ms(object, "next_attempt", emnify_event_next_attempt_ms(event));
    add_number(object, "expires_at", (double)emnify_event_expires_at(event), 0);
    cJSON_AddItemToArray(user, object);
}

/* Calls ---------------------------------------------------------------------------------------- */

typedef int32_t (*text_setter)(emnify_config *, const char *, emnify_error **);

static int32_t configure(command *command, emnify_config *config, cJSON *events)
{
    static const struct {
        const char *name;
        text_setter set;
    } texts[] = {
        { "application_token_file", emnify_config_set_application_token_file },
        { "base_url", emnify_config_set_base_url },
        { "ca_bundle", emnify_config_set_ca_bundle },
        { "proxy", emnify_config_set_proxy },
        { "interface", emnify_config_set_interface },
        { "local_address", emnify_config_set_local_address },
        { "store", emnify_config_set_store },
    };
    emnify_error **error = &command->error;
    emnify_pair device[PAIRS];
    const char *value;
    int32_t status = EMNIFY_OK;
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts && status == EMNIFY_OK; i++) {
        if (has(command, texts[i].name)) {
            status = texts[i].set(config, text(command, texts[i].name), error);
        }
    }
#define SET(name, call) \
    if (status == EMNIFY_OK && has(command, name)) \
    status = call
    value = text(command, "application_token");
    SET("application_token",
        emnify_config_set_application_token(config, value, strlen(value), error));
    value = text(command, "password");
    SET("username",
        emnify_config_set_user(config, text(command, "username"), value, strlen(value), error));
    SET("mfa", emnify_config_set_mfa(config, mfa, NULL, NULL, error));
    value = text(command, "ca_pem");
    SET("ca_pem", emnify_config_set_ca_pem(config, value, strlen(value), error));
    SET("timeout", emnify_config_set_timeout_ms(config, milliseconds(command, "timeout"), error));
    SET("connect_timeout", emnify_config_set_connect_timeout_ms(
                               config, milliseconds(command, "connect_timeout"), error));
    SET("auto_renew", emnify_config_set_auto_renew(config, flag(command, "auto_renew"), error));
    SET("fleet_size",
        emnify_config_set_fleet_size(config, (uint32_t)whole(command, "fleet_size"), error));
    SET("pacing", emnify_config_set_pacing(config, flag(command, "pacing"), error));
    SET("retries", emnify_config_set_retries(config, (uint32_t)whole(command, "retries"), error));
    if (status == EMNIFY_OK && pairs(command, "trusted_device", device) == 2) {
        status = emnify_config_set_trusted_device(config, device[0].value, strlen(device[0].value),
                                                  device[1].value, error);
    }
    if (status == EMNIFY_OK) {
        status = emnify_config_set_observer(config, observe, events, NULL, error);
    }
    return status;
}

static slot *find(const char *name)
{
    size_t i;

    for (i = 0; i < CLIENTS && strcmp(slots[i].name, name) != 0; i++) {
    }
    return i < CLIENTS ? &slots[i] : NULL;
}

/* Keeps a client by this name, in place of an earlier one. Its events are never freed, since a
 * switched client shares them. */
static void keep(const char *name, emnify_client *client, cJSON *events)
{
    slot *slot = find(name) != NULL ? find(name) : find("");

    emnify_client_free(slot->client);
    snprintf(slot->name, sizeof slot->name, "%s", name);
    slot->client = client;
    slot->events = events;
}

static int32_t new_client(command *command, const char *name)
{
    emnify_config *config = emnify_config_new();
    emnify_client *client = NULL;
    cJSON *events = cJSON_CreateArray();
    int32_t status = configure(command, config, events);

    if (status == EMNIFY_OK) {
        status = emnify_client_new(config, &client, &command->error);
    }
    if (status == EMNIFY_OK) {
        keep(name, client, events);
    }
    emnify_config_free(config);
    return status;
}

static int32_t authenticate(command *command, const emnify_client *client)
{
    emnify_auth_token *auth_token = NULL;
    int32_t status;

    if (has(command, "valid_for")) {
        status = emnify_authenticate_for(client, milliseconds(command, "valid_for"), &auth_token,
                                         &command->error);
    } else if (has(command, "timeout")) {
        status = emnify_authenticate_within(client, milliseconds(command, "timeout"), &auth_token,
                                            &command->error);
    } else {
        status = emnify_authenticate(client, &auth_token, &command->error);
    }
    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateObject();
        add_text(command->result, "auth_token", emnify_auth_token_reveal(auth_token));
        add_number(command->result, "organisation_id",
                   (double)emnify_auth_token_organisation_id(auth_token), 0);
        add_number(command->result, "expires_at",
                   (double)emnify_auth_token_expires_at(auth_token), 0);
    }
    emnify_auth_token_free(auth_token);
    return status;
}

static int32_t header(command *command, const emnify_client *client, bool may_wait)
{
    char buffer[8192];
    size_t length = 0;
    int32_t status =
        may_wait ? emnify_authorization_header(client, buffer, sizeof buffer, &length,
                                               &command->error)
                 : emnify_try_authorization_header(client, buffer, sizeof buffer, &length,
                                                   &command->error);

    if (status == EMNIFY_OK) {
        const char *value = strchr(buffer, ' ') + 1;
        command->result = cJSON_CreateObject();
        if (may_wait) {
            add_text(command->result, "Authorization", value - strlen("Bearer "));
        } else {
            add_text(command->result, "auth_token", value);
        }
    }
    return status;
}

static int32_t get_status(command *command, const emnify_client *client)
{
    emnify_status *current = NULL;
    int32_t status = emnify_status_new(client, &current, &command->error);

    if (status == EMNIFY_OK) {
        cJSON *object = command->result = cJSON_CreateObject();
        cJSON_AddBoolToObject(object, "signed_in", emnify_status_signed_in(current));
        add_number(object, "valid_until", (double)emnify_status_valid_until(current), 0);
        add_ms(object, "next_attempt", emnify_status_next_attempt_ms(current));
        if (emnify_status_last_error(current) != NULL) {
            cJSON_AddItemToObject(object, "last_error",
                                  error_object(emnify_status_last_error(current)));
        }
        add_number(object, "calls_made", (double)emnify_status_calls_made(current), -1);
        add_number(object, "last_change", (double)emnify_status_last_change(current), 0);
    }
    emnify_status_free(current);
    return status;
}

static int32_t take_events(command *command, slot *slot)
{
    emnify_status *current = NULL;
    int32_t status = emnify_status_new(slot->client, &current, &command->error);

    emnify_status_free(current);
    command->result = cJSON_Duplicate(slot->events, true);
    while (cJSON_GetArraySize(slot->events) > 0) {
        cJSON_DeleteItemFromArray(slot->events, 0);
    }
    return status;
}

static int32_t metrics(command *command, const emnify_client *client)
{
    char buffer[8192];
    size_t length = 0;
    int32_t status =
        emnify_client_metrics(client, buffer, sizeof buffer, &length, &command->error);

    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateString(buffer);
    }
    return status;
}

static int32_t check(command *command, const emnify_client *client)
{
    static const char *const verdicts[] = { "skipped", "ok", "warning", "failed" };
    emnify_checks *checks = NULL;
    int32_t status = emnify_client_check(client, flag(command, "rights"), &checks, &command->error);
    size_t i;

    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateArray();
    }
    for (i = 0; i < emnify_checks_size(checks); i++) {
        const emnify_check *one = emnify_checks_at(checks, i);
        cJSON *object = cJSON_CreateObject();
        add_text(object, "subject", emnify_check_subject(one));
        add_text(object, "verdict", verdicts[emnify_check_verdict(one)]);
        add_text(object, "tried", emnify_check_tried(one));
        add_text(object, "found", emnify_check_found(one));
        add_text(object, "advice", emnify_check_advice(one));
        cJSON_AddItemToArray(command->result, object);
    }
    emnify_checks_free(checks);
    return status;
}

static int32_t switch_workspace(command *command, slot *slot)
{
    emnify_client *switched = NULL;
    int32_t status =
        emnify_switch_workspace(slot->client, whole(command, "id"), &switched, &command->error);

    if (status == EMNIFY_OK) {
        keep(text(command, "new_client"), switched, slot->events);
    }
    return status;
}

static int32_t request(command *command, const emnify_client *client)
{
    emnify_request_options options = EMNIFY_REQUEST_OPTIONS_INIT;
    emnify_response *response = NULL;
    emnify_pair query[PAIRS];
    emnify_pair headers[PAIRS];
    const char *content = text(command, "content");
    int32_t status;

    options.query = query;
    options.query_size = pairs(command, "params", query);
    options.headers = headers;
    options.headers_size = pairs(command, "headers", headers);
    options.body = content;
    options.body_length = content != NULL ? strlen(content) : 0;
    options.timeout_ms = milliseconds(command, "timeout");
    status = emnify_request(client, text(command, "method"), text(command, "path"), &options,
                            &response, &command->error);
    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateObject();
        add_number(command->result, "status", emnify_response_status(response), 0);
        add_text(command->result, "content", emnify_response_body(response, NULL));
        add_text(command->result, "content_type",
                 emnify_response_header(response, "content-type"));
    }
    emnify_response_free(response);
    return status;
}

static int32_t paginate(command *command, const emnify_client *client)
{
    emnify_pages *pages = NULL;
    const char *row = NULL;
    size_t length;
    double limit = has(command, "limit") ? number(command, "limit") : 1e9;
    cJSON *rows;
    int32_t status = emnify_paginate(client, text(command, "path"), whole(command, "per_page"),
                                     &pages, &command->error);

    if (status != EMNIFY_OK) {
        return status;
    }
    command->result = cJSON_CreateObject();
    rows = cJSON_AddArrayToObject(command->result, "rows");
    while (cJSON_GetArraySize(rows) < limit) {
        status = emnify_pages_next(pages, &row, &length, &command->error);
        if (status != EMNIFY_OK || row == NULL) {
            break;
        }
        cJSON_AddItemToArray(rows, cJSON_Parse(row));
    }
    emnify_pages_free(pages);
    if (status != EMNIFY_OK) {
        cJSON_AddItemToObject(command->result, "error", error_object(command->error));
        emnify_error_free(command->error);
        command->error = NULL;
    }
    return EMNIFY_OK;
}

static int32_t create(command *command, const emnify_client *client)
{
    emnify_token_options options = EMNIFY_TOKEN_OPTIONS_INIT;
    emnify_created_token *created = NULL;
    int32_t status;

    options.description = text(command, "description");
    options.expiry_date = text(command, "expiry_date");
    options.ip = text(command, "ip");
    options.expires_in_s = whole(command, "expires_in");
    status = emnify_token_create(client, &options, &created, &command->error);
    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateObject();
        add_number(command->result, "id", (double)emnify_created_token_id(created), 0);
        add_text(command->result, "application_token", emnify_created_token_reveal(created));
    }
    emnify_created_token_free(created);
    return status;
}

/* Lists the tokens, with what an audit finds if `audited`. */
static int32_t list(command *command, const emnify_client *client, bool audited)
{
    emnify_list_options options = EMNIFY_LIST_OPTIONS_INIT;
    emnify_tokens *tokens = NULL;
    int32_t status;
    size_t i;

    options.expires_within_s = whole(command, "expires_within");
    options.older_than_s = whole(command, "older_than");
    /* An audit reads those of the last day in Rust and Python. */
    options.refused_within_s = !audited                          ? 0
                               : has(command, "refused_within") ? whole(command, "refused_within")
                                                                : 86400;
    status = emnify_token_list(client, &options, &tokens, &command->error);
    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateArray();
    }
    for (i = 0; i < emnify_token_list_size(tokens); i++) {
        const emnify_token *token = emnify_token_list_at(tokens, i);
        cJSON_AddItemToArray(command->result,
                             audited ? audited_object(token) : token_object(token));
    }
    emnify_token_list_free(tokens);
    return status;
}

static int32_t own(command *command, const emnify_client *client)
{
    emnify_token *token = NULL;
    int32_t status = emnify_token_own(client, &token, &command->error);

    if (token != NULL) {
        command->result = token_object(token);
    }
    emnify_token_free(token);
    return status;
}

static int32_t failures(command *command, const emnify_client *client)
{
    emnify_failures *failures = NULL;
    int32_t status =
        emnify_token_failures(client, whole(command, "since"), &failures, &command->error);
    size_t i;
    size_t j;

    if (status == EMNIFY_OK) {
        command->result = cJSON_CreateArray();
    }
    for (i = 0; i < emnify_token_failures_size(failures); i++) {
        const emnify_failure *failure = emnify_token_failures_at(failures, i);
        cJSON *object = cJSON_CreateObject();
        cJSON *ids = cJSON_AddArrayToObject(object, "token_ids");
        add_number(object, "at", (double)emnify_failure_time(failure), 0);
        add_text(object, "description", emnify_failure_description(failure));
        add_text(object, "token_name", emnify_failure_token_name(failure));
        for (j = 0; j < emnify_failure_token_count(failure); j++) {
            double id = (double)emnify_failure_token_id(failure, j);
            cJSON_AddItemToArray(ids, cJSON_CreateNumber(id));
        }
        add_number(object, "successor_id", (double)emnify_failure_successor_id(failure), 0);
        add_text(object, "reason", emnify_failure_reason(failure));
        add_text(object, "address", emnify_failure_address(failure));
        cJSON_AddItemToArray(command->result, object);
    }
    emnify_token_failures_free(failures);
    return status;
}

static int32_t identify(command *command, const emnify_client *client)
{
    const char *value = text(command, "value");
    emnify_token *token = NULL;
    int32_t status = emnify_token_identify(client, value, strlen(value), &token, &command->error);

    if (status == EMNIFY_OK) {
        command->result = audited_object(token);
    }
    emnify_token_free(token);
    return status;
}

static int32_t inspect(command *command)
{
    const char *value = text(command, "value");
    emnify_token_claims *claims = NULL;
    int32_t status = emnify_token_inspect(value, strlen(value), &claims, &command->error);

    if (claims != NULL) {
        cJSON *object = command->result = cJSON_CreateObject();
        add_number(object, "id", (double)emnify_token_claims_id(claims), 0);
        add_number(object, "organisation_id",
                   (double)emnify_token_claims_organisation_id(claims), 0);
        add_number(object, "issued_at", (double)emnify_token_claims_issued_at(claims), 0);
        add_number(object, "expires_at", (double)emnify_token_claims_expires_at(claims), 0);
        cJSON_AddBoolToObject(object, "is_auth_token", emnify_token_claims_is_auth_token(claims));
    }
    emnify_token_claims_free(claims);
    return status;
}

static int32_t rotate(command *command, const emnify_client *client)
{
    emnify_rotate_options options = EMNIFY_ROTATE_OPTIONS_INIT;
    emnify_rotation *rotation = NULL;
    int32_t status;

    options.id = whole(command, "id");
    options.description = text(command, "description");
    options.expiry_date = text(command, "expiry_date");
    options.expires_in_s = whole(command, "expires_in");
    options.ip = text(command, "ip");
    options.grace_s = whole(command, "grace");
    options.keep_old = flag(command, "keep_old");
    options.hand_over = flag(command, "hand_over") ? hand_over : NULL;
    options.read_back = flag(command, "read_back") ? read_back : NULL;
    status = emnify_token_rotate(client, &options, &rotation, &command->error);
    if (status == EMNIFY_OK) {
        cJSON *object = command->result = cJSON_CreateObject();
        bool is_done = emnify_rotation_state(rotation) == EMNIFY_ROTATION_DONE;
        cJSON *names = cJSON_AddArrayToObject(object, "ignored_options");
        const char *ignored = emnify_rotation_ignored_options(rotation);
        char *copy = strdup(ignored != NULL ? ignored : "");
        char *name;
        for (name = strtok(copy, ", "); name != NULL; name = strtok(NULL, ", ")) {
            cJSON_AddItemToArray(names, cJSON_CreateString(name));
        }
        free(copy);
        add_text(object, "state", is_done ? "done" : "grace");
        add_number(object, "old_id", (double)emnify_rotation_old_id(rotation), 0);
        add_number(object, "new_id", (double)emnify_rotation_new_id(rotation), 0);
        add_ms(object, "grace_left", emnify_rotation_grace_left_ms(rotation));
        cJSON_AddBoolToObject(object, "is_adopted", emnify_rotation_is_adopted(rotation));
        cJSON_AddBoolToObject(object, "is_old_kept", emnify_rotation_is_old_kept(rotation));
    }
    emnify_rotation_free(rotation);
    return status;
}

static int32_t run(command *command)
{
    const char *call = text(command, "call");
    const char *name = has(command, "client") ? text(command, "client") : "a";
    slot *slot = find(name);
    emnify_client *client = slot != NULL ? slot->client : NULL;
    emnify_error **error = &command->error;

#define CALLED(name) (strcmp(call, name) == 0)
    if (CALLED("new")) return new_client(command, name);
    if (CALLED("authenticate")) return authenticate(command, client);
    if (CALLED("auth_headers")) return header(command, client, true);
    if (CALLED("try_authenticate")) return header(command, client, false);
    if (CALLED("status")) return get_status(command, client);
    if (CALLED("take_events")) return take_events(command, slot);
    if (CALLED("metrics")) return metrics(command, client);
    if (CALLED("check")) return check(command, client);
    if (CALLED("switch_workspace")) return switch_workspace(command, slot);
    if (CALLED("request")) return request(command, client);
    if (CALLED("paginate")) return paginate(command, client);
    if (CALLED("create")) return create(command, client);
    if (CALLED("list")) return list(command, client, false);
    if (CALLED("audit")) return list(command, client, true);
    if (CALLED("own")) return own(command, client);
    if (CALLED("failures")) return failures(command, client);
    if (CALLED("identify")) return identify(command, client);
    if (CALLED("inspect")) return inspect(command);
    if (CALLED("rotate")) return rotate(command, client);
    if (CALLED("revoke")) return emnify_token_revoke(client, whole(command, "id"), error);
    if (CALLED("update")) {
        return emnify_token_update(client, whole(command, "id"), text(command, "description"),
                                   error);
    }
    if (CALLED("close")) {
        emnify_client_free(client);
        memset(slot, 0, sizeof *slot);
    } else if (CALLED("invalidate")) {
        const char *auth_token = text(command, "auth_token");
        emnify_invalidate_text(client, auth_token, strlen(auth_token));
    } else if (CALLED("retry_now")) {
        emnify_client_retry_now(client);
    } else if (CALLED("cancel")) {
        emnify_client_cancel(client);
    } else {
        fprintf(stderr, "unknown call: %s\n", call);
        exit(2);
    }
    return EMNIFY_OK;
}

int main(void)
{
    cJSON *line;

    while ((line = read_line()) != NULL) {
        command command = { line, NULL, NULL };
        cJSON *answer = cJSON_CreateObject();

        if (run(&command) != EMNIFY_OK) {
            cJSON_AddItemToObject(answer, "error", error_object(command.error));
        } else {
            cJSON_AddItemToObject(answer, "ok",
                                  command.result != NULL ? command.result : cJSON_CreateNull());
        }
        emnify_error_free(command.error);
        write_line(answer);
        cJSON_Delete(line);
    }
    return 0;
}
