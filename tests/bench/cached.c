/* Prints how many nanoseconds of a core it takes to hand out a cached auth token, in this many threads
 * at once: with emnify_authenticate, and with emnify_authorization_header.
 *
 *     cached THREADS */
#include <emnify.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 5000000, MOST_THREADS = 64 };

static emnify_client *client;

static void authenticate(void)
{
    emnify_auth_token *auth_token = NULL;

    if (emnify_authenticate(client, &auth_token, NULL) != EMNIFY_OK) abort();
    emnify_auth_token_free(auth_token);
}

static void header(void)
{
    char buffer[4096];

    if (emnify_authorization_header(client, buffer, sizeof buffer, NULL, NULL) != EMNIFY_OK) abort();
}

struct work {
    void (*call)(void);
    int calls;
};

static void *in_a_thread(void *argument)
{
    const struct work *work = argument;

    for (int i = 0; i < work->calls; i++) work->call();
    return NULL;
}

static double measure(void (*call)(void), int threads)
{
    pthread_t started[MOST_THREADS];
    struct work work = {call, CALLS / threads};
    clock_t before = clock();

    for (int i = 0; i < threads; i++) {
        if (pthread_create(&started[i], NULL, in_a_thread, &work) != 0) abort();
    }
    for (int i = 0; i < threads; i++) pthread_join(started[i], NULL);
    return (double)(clock() - before) / CLOCKS_PER_SEC * 1e9 / work.calls / threads;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    emnify_error *error = NULL;

    if (threads < 1 || threads > MOST_THREADS) return 2;
    if (emnify_client_new(NULL, &client, &error) != EMNIFY_OK) {
        fprintf(stderr, "%s\n", emnify_error_message(error));
        return 1;
    }
    authenticate();
    printf("%.1f %.1f\n", measure(authenticate, threads), measure(header, threads));
    emnify_client_free(client);
    return 0;
}
