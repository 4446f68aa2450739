/*
 * Sign-ins that emnify refused, and values of application tokens that were found in public.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

#define EVENTS "/api/v1/event"

/* Signs in with an application token that is refused. */
static void refuse(const char *value)
{
    emnify_error *error = NULL;
    emnify_config *config = sandbox_config();
    emnify_client *client;

    CHECK_OK(emnify_config_set_application_token(config, value, strlen(value), &error));
    client = client_of(config);
    CHECK_ERROR(authenticate(client, &error), EMNIFY_ERR_REJECTED, "cannot");
    emnify_client_free(client);
}

static void a_refused_sign_in_names_the_token_and_its_successor(void)
{
    emnify_error *error = NULL;
    emnify_failures *failures = NULL;
    emnify_tokens *list = NULL;
    emnify_list_options options = EMNIFY_LIST_OPTIONS_INIT;
    emnify_client *client = sandbox_client();
    const emnify_failure *failure;
    char value[1024];

    sandbox_settings("{\"peer_address\": \"203.0.113.7\"}");
    sandbox_seed_token("{\"description\": \"gateway 7\"}", value, sizeof value);
    sandbox_seed_token("{\"description\": \"gateway 7\", \"status\": 1, \"created\":"
                       " \"2020-01-02T03:04:05.000+0000\"}", value, sizeof value);
    refuse(value);
    CHECK_OK(emnify_token_failures(client, 0, &failures, &error));
    CHECK_NUMBER(emnify_token_failures_size(failures), 1);
    failure = emnify_token_failures_at(failures, 0);
    CHECK(emnify_failure_time(failure) > 1500000000);
    CHECK_TEXT(emnify_failure_token_name(failure), "gateway 7");
    CHECK_NUMBER(emnify_failure_token_count(failure), 1);
    CHECK_NUMBER(emnify_failure_token_id(failure, 0), 4713);
    CHECK_NUMBER(emnify_failure_token_id(failure, 1), 0);
    CHECK_NUMBER(emnify_failure_successor_id(failure), 4712);
    CHECK_TEXT(emnify_failure_reason(failure), "TokenStatus Revoked");
    CHECK_TEXT(emnify_failure_address(failure), "203.0.113.7");
    CHECK(strstr(emnify_failure_description(failure), "gateway 7") != NULL);
    CHECK(emnify_token_failures_at(failures, 1) == NULL);
    emnify_token_failures_free(failures);

    /* Refused sign-ins are read only on request. */
    CHECK_NUMBER(sandbox_calls("GET", EVENTS), 1);
    CHECK_OK(emnify_token_list(client, &options, &list, &error));
    CHECK_NUMBER(emnify_token_findings(emnify_token_list_at(list, 2)), EMNIFY_FINDING_REVOKED);
    emnify_token_list_free(list);
    CHECK_NUMBER(sandbox_calls("GET", EVENTS), 1);
    options.refused_within_s = 3600;
    CHECK_OK(emnify_token_list(client, &options, &list, &error));
    CHECK_NUMBER(emnify_token_findings(emnify_token_list_at(list, 2)),
                 EMNIFY_FINDING_REVOKED | EMNIFY_FINDING_REFUSED_LATELY);
    emnify_token_list_free(list);
    emnify_client_free(client);
}

static void a_text_that_cannot_be_parsed_is_kept(void)
{
    emnify_error *error = NULL;
    emnify_failures *failures = NULL;
    emnify_client *client = sandbox_client();
    const emnify_failure *failure;

    sandbox_fault("{\"path\": \"" EVENTS "\", \"kind\": \"status\", \"status\": 200,"
                  " \"body\": \"[{\\\"description\\\": \\\"no idea\\\"}]\"}");
    CHECK_OK(emnify_token_failures(client, 60, &failures, &error));
    failure = emnify_token_failures_at(failures, 0);
    CHECK_TEXT(emnify_failure_description(failure), "no idea");
    CHECK_NUMBER(emnify_failure_time(failure), 0);
    CHECK(emnify_failure_token_name(failure) == NULL && emnify_failure_reason(failure) == NULL);
    CHECK(emnify_failure_address(failure) == NULL);
    CHECK_NUMBER(emnify_failure_token_count(failure), 0);
    emnify_token_failures_free(failures);

    failures = NULL;
    CHECK(emnify_failure_description(NULL) == NULL);
    CHECK_NUMBER(emnify_token_failures_size(NULL), 0);
    sandbox_clear_faults();
    sandbox_fault("{\"path\": \"" EVENTS "\", \"kind\": \"status\", \"status\": 403}");
    CHECK_ERROR(emnify_token_failures(client, 60, &failures, &error), EMNIFY_ERR_FORBIDDEN,
                "cannot list the refused sign-ins");
    CHECK(failures == NULL);
    emnify_client_free(client);
}

static void a_found_value_is_identified_before_it_is_revoked(void)
{
    emnify_error *error = NULL;
    emnify_token *token = NULL;
    emnify_token_claims *claims = NULL;
    emnify_client *client = sandbox_client();
    char value[1024];

    sandbox_seed_token("{\"expiry_date\": \"2999-01-01T00:00:00.000Z\"}", value, sizeof value);
    CHECK_OK(emnify_token_inspect(value, strlen(value), &claims, &error));
    CHECK_NUMBER(emnify_token_claims_id(claims), 4712);
    CHECK_NUMBER(emnify_token_claims_organisation_id(claims), 1234);
    CHECK(emnify_token_claims_issued_at(claims) > 1500000000);
    CHECK(emnify_token_claims_expires_at(claims) == INT64_C(32472144000));
    CHECK(!emnify_token_claims_is_auth_token(claims));
    emnify_token_claims_free(claims);
    CHECK_OK(emnify_token_inspect("opaque", 6, &claims, &error));
    CHECK(claims == NULL);

    CHECK_OK(emnify_token_identify(client, value, strlen(value), &token, &error));
    CHECK_NUMBER(emnify_token_id(token), 4712);
    CHECK_NUMBER(emnify_token_findings(token), EMNIFY_FINDING_NO_ADDRESS_RESTRICTION);
    CHECK_OK(emnify_token_revoke(client, emnify_token_id(token), &error));
    emnify_token_free(token);
    refuse(value);

    token = NULL;
    CHECK_ERROR(emnify_token_identify(client, "forged", 6, &token, &error), EMNIFY_ERR_REJECTED,
                "cannot identify the application token");
    CHECK_REFUSED(emnify_token_identify(client, "two words", 9, &token, &error), "value");
    CHECK_REFUSED(emnify_token_identify(client, NULL, 0, &token, &error), "value");
    CHECK_REFUSED(emnify_token_inspect(NULL, 0, &claims, &error), "value");
    CHECK(token == NULL && claims == NULL);
    emnify_client_free(client);
}

int main(void)
{
    RUN(a_refused_sign_in_names_the_token_and_its_successor);
    RUN(a_text_that_cannot_be_parsed_is_kept);
    RUN(a_found_value_is_identified_before_it_is_revoked);
    return check_report();
}
