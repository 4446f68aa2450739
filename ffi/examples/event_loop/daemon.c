/*
 * A daemon without threads of its own: one epoll loop for emnify, a timer and signals. Nothing in it
 * ever waits for the network: the library signs in on a thread of its own and wakes the loop.
 *
 *     cc daemon.c -lemnify -o daemon
 *
 * It prints a line when it gets a new auth token. Every second it takes the token for what a real
 * daemon does with it, and it prints the longest time between two rounds of its loop when it ends.
 */

#define _GNU_SOURCE

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "emnify.h"

struct daemon {
    emnify_client *client;
    int epoll;
    int32_t status; /* of the last try */
    char header[2048];
};

static void observe(void *user, const emnify_event *event)
{
    (void)user;
    fprintf(stderr, "%s\n", emnify_event_message(event));
}

/* Takes the auth token if there is one. Returns at once in any case. */
static void use_token(struct daemon *daemon)
{
    static char last[2048];
    emnify_error *error = NULL;
    int32_t status = emnify_try_authorization_header(daemon->client, daemon->header,
                                                     sizeof daemon->header, NULL, &error);

    if (status == EMNIFY_OK && strcmp(daemon->header, last) != 0) {
        strcpy(last, daemon->header);
        puts("new auth token");
    } else if (status != daemon->status && status != EMNIFY_ERR_PENDING) {
        /* The library tries again by itself; say it once. */
        fprintf(stderr, "%s\n", status == EMNIFY_OK ? "signed in" : emnify_error_message(error));
    }
    fflush(stdout);
    daemon->status = status;
    emnify_error_free(error);
}

static bool watch(struct daemon *daemon, int descriptor)
{
    struct epoll_event event;

    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    return descriptor >= 0 &&
           epoll_ctl(daemon->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

/* Reads what made a timerfd or signalfd readable, and ignores it. */
static void drain(int descriptor)
{
    char bytes[sizeof(struct signalfd_siginfo)];

    if (read(descriptor, bytes, sizeof bytes) < 0) {
        perror("read");
    }
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(struct daemon *daemon, int timer, int signals, int token)
{
    struct epoll_event event;
    double longest = 0;

    for (;;) {
        double started;

        if (epoll_wait(daemon->epoll, &event, 1, -1) != 1) {
            continue; /* interrupted */
        }
        started = seconds();
        if (event.data.fd == signals) {
            break;
        } else if (event.data.fd == timer) {
            drain(timer);
            use_token(daemon);
        } else if (event.data.fd == token) {
            if (emnify_client_process(daemon->client, NULL) != EMNIFY_OK) {
                break; /* the client was cancelled */
            }
            use_token(daemon);
        }
        if (seconds() - started > longest) {
            longest = seconds() - started;
        }
    }
    printf("longest round: %.3f ms\n", longest * 1e3);
}

int main(void)
{
    struct daemon daemon;
    struct itimerspec every_second;
    emnify_config *config = emnify_config_new();
    emnify_error *error = NULL;
    int32_t fd = -1;
    int signals, timer;
    sigset_t set;

    memset(&daemon, 0, sizeof daemon);
    memset(&every_second, 0, sizeof every_second);
    every_second.it_value.tv_sec = every_second.it_interval.tv_sec = 1;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);

    /* Everything else comes from the environment, such as EMNIFY_APPLICATION_TOKEN_FILE. */
    if (emnify_config_set_observer(config, observe, NULL, NULL, &error) != EMNIFY_OK ||
        emnify_client_new(config, &daemon.client, &error) != EMNIFY_OK ||
        emnify_client_fd(daemon.client, &fd, &error) != EMNIFY_OK) {
        fprintf(stderr, "%s\n", emnify_error_message(error));
        return 78; /* EX_CONFIG */
    }
    emnify_config_free(config);

    daemon.epoll = epoll_create1(EPOLL_CLOEXEC);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (!watch(&daemon, fd) || !watch(&daemon, signals) || !watch(&daemon, timer) ||
        timerfd_settime(timer, 0, &every_second, NULL) != 0) {
        perror("epoll");
        return 1;
    }
    run(&daemon, timer, signals, fd);

    emnify_client_free(daemon.client); /* does not wait */
    memset(daemon.header, 0, sizeof daemon.header);
    return 0;
}
