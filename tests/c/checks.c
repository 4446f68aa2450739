/*
 * The checks of what a client needs: one result each, what failed, and what to do.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

/* Returns the check of that subject; NULL if there is none. */
static const emnify_check *check_of(const emnify_checks *checks, const char *subject)
{
    size_t i;

    for (i = 0; i < emnify_checks_size(checks); i++) {
        const emnify_check *check = emnify_checks_at(checks, i);

        if (strcmp(emnify_check_subject(check), subject) == 0) {
            return check;
        }
    }
    return NULL;
}

static void a_client_in_order_passes_all_checks(void)
{
    emnify_client *client = sandbox_client();
    emnify_checks *checks = NULL;
    emnify_error *error = NULL;
    size_t i;

    CHECK_OK(emnify_client_check(client, true, &checks, &error));
    emnify_client_free(client);
    CHECK_NUMBER(emnify_checks_size(checks), 10);
    for (i = 0; i < emnify_checks_size(checks); i++) {
        CHECK(emnify_check_verdict(emnify_checks_at(checks, i)) <= EMNIFY_CHECK_OK);
    }
    CHECK_NUMBER(emnify_check_verdict(check_of(checks, "rights")), EMNIFY_CHECK_OK);
    CHECK_NUMBER(emnify_check_verdict(check_of(checks, "proxy")), EMNIFY_CHECK_SKIPPED);
    CHECK(emnify_checks_at(checks, 10) == NULL);
    emnify_checks_free(checks);
}

static void a_check_that_fails_says_what_to_do(void)
{
    emnify_client *client = sandbox_client();
    emnify_checks *checks = NULL;
    emnify_error *error = NULL;
    const emnify_check *credential;

    sandbox_request("POST", "/revoke_application_token", "{\"id\": 4711}", NULL, 0);
    CHECK_OK(emnify_client_check(client, false, &checks, &error));
    emnify_client_free(client);
    credential = check_of(checks, "credential");
    CHECK_NUMBER(emnify_check_verdict(credential), EMNIFY_CHECK_FAILED);
    CHECK(strstr(emnify_check_tried(credential), "signing in") != NULL);
    CHECK(strstr(emnify_check_found(credential), "refused the application token") != NULL);
    CHECK(strstr(emnify_check_advice(credential), "neither expired nor revoked") != NULL);
    CHECK(emnify_check_advice(check_of(checks, "tls")) == NULL);
    emnify_checks_free(checks);
}

static void null_is_allowed(void)
{
    CHECK_NUMBER(emnify_checks_size(NULL), 0);
    CHECK(emnify_checks_at(NULL, 0) == NULL);
    CHECK_NUMBER(emnify_check_verdict(NULL), EMNIFY_CHECK_SKIPPED);
    CHECK(emnify_check_subject(NULL) == NULL && emnify_check_tried(NULL) == NULL);
    CHECK(emnify_check_found(NULL) == NULL && emnify_check_advice(NULL) == NULL);
    emnify_checks_free(NULL);
}

int main(void)
{
    RUN(a_client_in_order_passes_all_checks);
    RUN(a_check_that_fails_says_what_to_do);
    RUN(null_is_allowed);
    return check_report();
}
