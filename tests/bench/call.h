/* Shared by both programs. Measures the first call of a process, including the sign-in, a call on a
 * warm TLS connection, and the resident memory before and after. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WARM_CALLS = 2000 };

#define PATH "/api/v1/sim/500001"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Returns the resident memory in kilobytes, including memory that is shared with other processes.
 * */
static long resident(void) {
    long pages = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &pages) != 2) abort();
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Measures `call`, which makes one call, signs in before if needed, and returns the length of the
 * body. */
static int measure(size_t (*call)(void)) {
    static double calls[WARM_CALLS];
    long before = resident();
    double started = now(), first;
    size_t length = call();
    long after = resident();
    first = now() - started;
    for (int i = 0; i < WARM_CALLS; i++) {
        started = now();
        if (call() != length) abort();
        calls[i] = now() - started;
    }
    qsort(calls, WARM_CALLS, sizeof *calls, ascending);
    /* Prints milliseconds, microseconds, kilobytes. */
    printf("%.2f %.1f %ld\n", first / 1e3, calls[WARM_CALLS / 2], after - before);
    return length == 0;
}
