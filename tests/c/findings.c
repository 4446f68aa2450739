/*
 * What is found about application tokens, and the row of the client's own token.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

#define UNLIMITED (EMNIFY_FINDING_NO_EXPIRY | EMNIFY_FINDING_NO_ADDRESS_RESTRICTION)

/* Returns the findings for the token with this description; -1 if there is none. */
static long findings_of(const emnify_tokens *list, const char *description)
{
    size_t i;

    for (i = 0; i < emnify_token_list_size(list); i++) {
        const emnify_token *token = emnify_token_list_at(list, i);
        const char *its = emnify_token_description(token);

        if (its != NULL && strcmp(its, description) == 0) {
            return (long)emnify_token_findings(token);
        }
    }
    return -1;
}

static emnify_tokens *list_of(const emnify_client *client, const emnify_list_options *options)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;

    CHECK_OK(emnify_token_list(client, options, &list, &error));
    return list;
}

/* Adds an application token that is limited to an address and expires in this many days. */
static void seed(const char *description, int days, const char *more)
{
    char value[1024];
    char json[512];
    char expiry_date[32];
    time_t expiry = time(NULL) + (time_t)days * 86400;
    struct tm utc;

    strftime(expiry_date, sizeof expiry_date, "%Y-%m-%d", gmtime_r(&expiry, &utc));
    snprintf(json, sizeof json, "{\"description\": \"%s\", \"expiry_date\": \"%s\","
                                " \"ip\": \"127.0.0.0/8\"%s}",
             description, expiry_date, more);
    sandbox_seed_token(json, value, sizeof value);
}

static void each_kind_of_risk_is_found(void)
{
    static const char orphan[] = "hall 7 [rotation 00112233445566778899aabbccddeeff]";
    emnify_client *client = sandbox_client();
    emnify_tokens *list;
    char value[1024];

    seed("fine", 300, "");
    seed("revoked", 300, ", \"status\": 1");
    seed("expired", -2, "");
    seed(orphan, 300, "");
    seed("soon", 10, "");
    seed("old", 300, ", \"created\": \"2020-01-02T03:04:05.000+0000\"");
    sandbox_seed_token("{\"description\": \"some day\", \"expiry_date\": \"some day\","
                       " \"ip\": \"::1\"}", value, sizeof value);
    sandbox_seed_token("{\"description\": \"for ever\", \"ip\": \"::1\"}", value, sizeof value);
    sandbox_seed_token("{\"description\": \"anywhere\", \"expiry_date\": \"2999-01-01\"}", value,
                       sizeof value);
    list = list_of(client, NULL);
    emnify_client_free(client);

    CHECK_NUMBER(emnify_token_list_size(list), 10);
    CHECK_NUMBER(findings_of(list, "Sandbox"), EMNIFY_FINDING_OWN | UNLIMITED);
    CHECK_NUMBER(findings_of(list, "fine"), 0);
    CHECK_NUMBER(findings_of(list, "revoked"), EMNIFY_FINDING_REVOKED);
    CHECK_NUMBER(findings_of(list, "expired"), EMNIFY_FINDING_EXPIRED);
    CHECK_NUMBER(findings_of(list, orphan), EMNIFY_FINDING_ORPHAN);
    CHECK_NUMBER(findings_of(list, "soon"), EMNIFY_FINDING_EXPIRES_SOON);
    CHECK_NUMBER(findings_of(list, "old"), EMNIFY_FINDING_OLD);
    CHECK_NUMBER(findings_of(list, "for ever"), EMNIFY_FINDING_NO_EXPIRY);
    CHECK_NUMBER(findings_of(list, "some day"), EMNIFY_FINDING_UNREADABLE_EXPIRY);
    CHECK_NUMBER(findings_of(list, "anywhere"), EMNIFY_FINDING_NO_ADDRESS_RESTRICTION);
    CHECK_NUMBER(emnify_token_id(emnify_token_list_at(list, 0)), 4711);

    CHECK(emnify_token_list_at(list, 10) == NULL);
    CHECK(emnify_token_list_at(list, SIZE_MAX) == NULL);
    emnify_token_list_free(list);
}

static void the_caller_sets_the_thresholds(void)
{
    emnify_client *client = sandbox_client();
    emnify_list_options options = EMNIFY_LIST_OPTIONS_INIT;
    emnify_tokens *list;

    seed("token", 40, ", \"created\": \"2020-01-02T03:04:05.000+0000\"");
    list = list_of(client, &options);
    CHECK_NUMBER(findings_of(list, "token"), EMNIFY_FINDING_OLD);
    emnify_token_list_free(list);

    options.expires_within_s = UINT64_C(41) * 86400;
    options.older_than_s = UINT64_C(36500) * 86400;
    list = list_of(client, &options);
    CHECK_NUMBER(findings_of(list, "token"), EMNIFY_FINDING_EXPIRES_SOON);
    emnify_token_list_free(list);

    options.expires_within_s = UINT64_MAX;
    options.older_than_s = UINT64_MAX;
    list = list_of(client, &options);
    CHECK_NUMBER(findings_of(list, "token"), EMNIFY_FINDING_EXPIRES_SOON);
    emnify_token_list_free(list);
    emnify_client_free(client);
}

static void findings_have_names(void)
{
    CHECK_TEXT(emnify_finding_name(EMNIFY_FINDING_OWN), "EMNIFY_FINDING_OWN");
    CHECK_TEXT(emnify_finding_name(EMNIFY_FINDING_UNREADABLE_EXPIRY),
               "EMNIFY_FINDING_UNREADABLE_EXPIRY");
    CHECK_TEXT(emnify_finding_name(UNLIMITED), "EMNIFY_FINDING_UNKNOWN");
    CHECK_TEXT(emnify_finding_name(0), "EMNIFY_FINDING_UNKNOWN");
}

static void wrong_options_are_refused(void)
{
    emnify_error *error = NULL;
    emnify_tokens *list = NULL;
    emnify_client *client = sandbox_client();
    emnify_list_options options = EMNIFY_LIST_OPTIONS_INIT;

    options.size = sizeof options.size;
    CHECK_REFUSED(emnify_token_list(client, &options, &list, &error), "options");
    options.size = SIZE_MAX;
    CHECK_REFUSED(emnify_token_list(client, &options, &list, &error), "options");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    CHECK(list == NULL);
    emnify_client_free(client);
}

static void a_client_knows_its_own_row(void)
{
    emnify_error *error = NULL;
    emnify_token *own = NULL;
    emnify_client *client = sandbox_client();

    seed("another", 300, "");
    CHECK_OK(emnify_token_own(client, &own, &error));
    emnify_client_free(client);
    CHECK_NUMBER(emnify_token_id(own), 4711);
    CHECK_TEXT(emnify_token_description(own), "Sandbox");
    CHECK_NUMBER(emnify_token_findings(own), EMNIFY_FINDING_OWN | UNLIMITED);
    emnify_token_free(own);
}

int main(void)
{
    RUN(each_kind_of_risk_is_found);
    RUN(the_caller_sets_the_thresholds);
    RUN(findings_have_names);
    RUN(wrong_options_are_refused);
    RUN(a_client_knows_its_own_row);
    return check_report();
}
