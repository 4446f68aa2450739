/*
 * A collection row by row: the text of a row, and how long it lives.
 */

#define _POSIX_C_SOURCE 200809L

#include "support.h"

#define ENDPOINT "/api/v1/endpoint"
#define SIM "/api/v1/sim"
#define SIMS 300

static emnify_pages *pages_of(const emnify_client *client, const char *path, uint64_t per_page)
{
    emnify_error *error = NULL;
    emnify_pages *pages = NULL;

    CHECK_OK(emnify_paginate(client, path, per_page, &pages, &error));
    return pages;
}

/* Checks each row that is left and returns how many there are. */
static int count_rows(emnify_pages *pages)
{
    emnify_error *error = NULL;
    const char *row = NULL;
    size_t length = 0;
    int count = 0;

    for (;;) {
        CHECK_OK(emnify_pages_next(pages, &row, &length, &error));
        if (row == NULL) {
            CHECK_NUMBER(length, 0);
            return count;
        }
        CHECK_NUMBER(strlen(row), length);
        CHECK(row[0] == '{' && row[length - 1] == '}' && strchr(row, '\n') == NULL);
        count++;
    }
}

/* Returns the number in the ICCID of a SIM, from 0; -1 if the row is not a SIM. */
static int number_of(const char *row)
{
    static const char start[] = "\"iccid\":\"8988303000";
    const char *found = row != NULL ? strstr(row, start) : NULL;

    return found != NULL ? atoi(found + strlen(start)) : -1;
}

static void a_row_is_what_the_server_sent_on_one_line(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    emnify_pages *pages;
    const char *row = NULL;

    sandbox_fault("{\"path\": \"" SIM "\", \"times\": 1, \"kind\": \"status\", \"status\": 200,"
                  " \"body\": \"{\\\"data\\\": [{\\\"z\\\": 123456789012345678901234567890,"
                  "\\n \\\"a b\\\": 1.10}]}\"}");
    pages = pages_of(client, SIM, 0);
    CHECK_OK(emnify_pages_next(pages, &row, NULL, &error));
    CHECK_TEXT(row, "{\"z\":123456789012345678901234567890,\"a b\":1.10}");
    CHECK_NUMBER(count_rows(pages), 0);
    emnify_pages_free(pages);
    emnify_client_free(client);
}

static void pages_outlive_their_client(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    emnify_pages *before = pages_of(client, ENDPOINT, 0);
    emnify_pages *midway = pages_of(client, SIM, 7);
    const char *row = NULL;

    CHECK_OK(emnify_pages_next(midway, &row, NULL, &error));
    CHECK_NUMBER(number_of(row), 0);
    emnify_client_free(client);
    /* The row belongs to the pages. */
    CHECK_NUMBER(number_of(row), 0);
    CHECK_NUMBER(count_rows(midway), SIMS - 1);
    CHECK_NUMBER(count_rows(before), 250);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 1);
    CHECK_NUMBER(sandbox_calls("GET", ENDPOINT), 3);
    emnify_pages_free(before);
    emnify_pages_free(midway);
}

static void nothing_is_fetched_before_it_is_asked_for(void)
{
    emnify_client *client = sandbox_client();

    emnify_pages_free(pages_of(client, SIM, 0));
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    emnify_client_free(client);
}

static void after_the_last_row_there_is_none(void)
{
    emnify_client *client = sandbox_client();
    emnify_pages *pages = pages_of(client, ENDPOINT "/100001/event?per_page=1", 0);

    CHECK(count_rows(pages) > 0);
    CHECK_NUMBER(count_rows(pages), 0);
    CHECK_NUMBER(count_rows(pages), 0);
    emnify_pages_free(pages);
    emnify_client_free(client);
}

static void a_row_with_any_text_stays_one_line(void)
{
    emnify_error *error = NULL;
    emnify_client *client = sandbox_client();
    emnify_pages *pages = pages_of(client, SIM, 0);
    const char *row = NULL;
    size_t length = 0;

    sandbox_fault("{\"path\": \"" SIM "\", \"times\": 1, \"kind\": \"status\", \"status\": 200,"
                  " \"body\": \"[{\\\"id\\\":1,\\\"name\\\":\\\"a\\\\u0000\\\\nb\\u00e4\\\"}]\"}");
    CHECK_OK(emnify_pages_next(pages, &row, &length, &error));
    CHECK_TEXT(row, "{\"id\":1,\"name\":\"a\\u0000\\nb\xc3\xa4\"}");
    CHECK_NUMBER(length, strlen(row));
    CHECK_NUMBER(count_rows(pages), 0);
    emnify_pages_free(pages);
    emnify_client_free(client);
}

/* Checks that the first row fails with this code and leaves the variables unchanged, and that no
 * row follows. */
static void end_with(emnify_pages *pages, int32_t expected, const char *start)
{
    emnify_error *error = NULL;
    const char *row = start;
    size_t length = 77;

    CHECK_ERROR(emnify_pages_next(pages, &row, &length, &error), expected, start);
    CHECK(row == start && length == 77);
    CHECK_NUMBER(count_rows(pages), 0);
    emnify_pages_free(pages);
}

static void a_failure_ends_them(void)
{
    emnify_client *client = sandbox_client();

    end_with(pages_of(client, "//evil.example/", 0), EMNIFY_ERR_INVALID_INPUT, "path: ");
    end_with(pages_of(client, "https://evil.example/", 0), EMNIFY_ERR_INVALID_INPUT, "path: ");
    end_with(pages_of(client, "/api/../x", 0), EMNIFY_ERR_INVALID_INPUT, "path: ");
    CHECK_NUMBER(sandbox_calls("", ""), 0);
    end_with(pages_of(client, "/api/v1/nothing", 0), EMNIFY_ERR_NOT_FOUND, "cannot GET");
    end_with(pages_of(client, SIM "/500001", 0), EMNIFY_ERR_PROTOCOL, "cannot GET");
    sandbox_fault("{\"path\": \"" SIM "\", \"kind\": \"status\", \"status\": 403}");
    end_with(pages_of(client, SIM, 0), EMNIFY_ERR_FORBIDDEN, "cannot GET");
    emnify_client_free(client);
}

int main(void)
{
    RUN(a_row_is_what_the_server_sent_on_one_line);
    RUN(pages_outlive_their_client);
    RUN(nothing_is_fetched_before_it_is_asked_for);
    RUN(after_the_last_row_there_is_none);
    RUN(a_row_with_any_text_stays_one_line);
    RUN(a_failure_ends_them);
    return check_report();
}
