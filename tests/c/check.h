/*
 * A small test harness for C and C++. Each test is a function. A CHECK that fails marks the test as
 * failed and lets it continue. The last line says "N passed, N failed".
 */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int check_failures;
static int check_passed;
static int check_failed;

#define CHECK(condition) check_that(!!(condition), #condition, __FILE__, __LINE__)

/* Shows both texts, or which is NULL, if they differ. */
#define CHECK_TEXT(text, expected) check_text((text), (expected), #text, __FILE__, __LINE__)

#define CHECK_NUMBER(number, expected) \
    check_number((long long)(number), (long long)(expected), #number, __FILE__, __LINE__)

static inline void check_that(int holds, const char *what, const char *file, int line)
{
    if (!holds) {
        check_failures++;
        printf("  %s:%d: %s does not hold\n", file, line, what);
    }
}

static inline void check_text(const char *text, const char *expected, const char *what,
                              const char *file, int line)
{
    if (text == NULL || expected == NULL ? text != expected : strcmp(text, expected) != 0) {
        check_failures++;
        printf("  %s:%d: %s is \"%s\", not \"%s\"\n", file, line, what,
               text != NULL ? text : "(NULL)", expected != NULL ? expected : "(NULL)");
    }
}

static inline void check_number(long long number, long long expected, const char *what,
                                const char *file, int line)
{
    if (number != expected) {
        check_failures++;
        printf("  %s:%d: %s is %lld, not %lld\n", file, line, what, number, expected);
    }
}

static inline void check_run(void (*test)(void), const char *name)
{
    check_failures = 0;
    test();
    if (check_failures == 0) {
        check_passed++;
    } else {
        check_failed++;
    }
    printf("%s %s\n", check_failures == 0 ? "ok    " : "FAILED", name);
    fflush(stdout);
}

/* Prints the last line and returns the status for main(). */
static inline int check_report(void)
{
    printf("%d passed, %d failed\n", check_passed, check_failed);
    return check_failed == 0 ? 0 : 1;
}

/* Returns seconds since a fixed point. */
static inline double check_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How many times slower this run may be than one without valgrind. */
static inline double check_slowness(void)
{
    return getenv("CHECK_SLOWNESS") != NULL ? atof(getenv("CHECK_SLOWNESS")) : 1;
}

/* How many threads a program has that starts none: that of main(), and perhaps a sanitizer's or an
 * emulator's. */
#ifdef __SANITIZE_THREAD__
#define CHECK_THREADS 2
#else
#define CHECK_THREADS (getenv("CHECK_EMULATOR") != NULL ? 2 : 1)
#endif

#endif
