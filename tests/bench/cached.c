/* Measures how long returning a cached auth token takes in C, as the median over batches: in one
 * thread, and in eight at once. `make bench` runs it. */
#define _POSIX_C_SOURCE 200809L
#include <emnify.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 2000, CALLS = 1000, THREADS = 8 };

static emnify_client *client;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void authenticate(void) {
    emnify_auth_token *auth_token = NULL;
    if (emnify_authenticate(client, &auth_token, NULL) != EMNIFY_OK) abort();
    emnify_auth_token_free(auth_token);
}

static void header(void) {
    char buffer[4096];
    if (emnify_authorization_header(client, buffer, sizeof buffer, NULL, NULL) != EMNIFY_OK) abort();
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(void (*call)(void)) {
    double *batches = malloc(BATCHES * sizeof *batches), result;
    if (!batches) abort();
    for (int batch = 0; batch < BATCHES; batch++) {
        double started = now();
        for (int i = 0; i < CALLS; i++) call();
        batches[batch] = (now() - started) / CALLS;
    }
    qsort(batches, BATCHES, sizeof *batches, ascending);
    result = batches[BATCHES / 2];
    free(batches);
    return result;
}

static void *in_a_thread(void *result) {
    *(double *)result = median(authenticate);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    double medians[THREADS], worst = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    emnify_error *error = NULL;

    if (emnify_client_new(NULL, &client, &error) != EMNIFY_OK) {
        fprintf(stderr, "%s\n", emnify_error_message(error));
        return 1;
    }
    authenticate();
    printf("C       emnify_authenticate and free          %8.1f ns\n", median(authenticate));
    printf("C       emnify_authorization_header           %8.1f ns\n", median(header));
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, in_a_thread, &medians[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (medians[i] > worst) worst = medians[i];
    }
    /* A batch is so short that its thread hardly ever waits for a core. */
    printf("C       emnify_authenticate, 8 threads, %ld cores %6.1f ns of a core\n", cores, worst);
    emnify_client_free(client);
    return 0;
}
