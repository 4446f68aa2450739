/*
 * An MQTT client that signs in with emnify's auth token as its password, in one loop and without
 * threads of its own. When the token is renewed, it connects again with the new one.
 *
 *     cc mqtt.c -lemnify -lmosquitto -o mqtt
 *     BROKER=broker.example.com ./mqtt
 */

#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>

#include "emnify.h"

#define PREFIX_LENGTH (sizeof "Bearer " - 1)

static volatile sig_atomic_t stop;

struct connection {
    emnify_client *client;
    struct mosquitto *mqtt;
    const char *host;
    int port;
    char header[2048]; /* "Bearer " and the token that was used last */
};

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void on_connect(struct mosquitto *mqtt, void *user, int result)
{
    struct connection *connection = (struct connection *)user;

    (void)mqtt;
    if (result == 0) {
        puts("connected");
    } else {
        /* 4 and 5: the broker refused the password. The library signs in again if that may help. */
        emnify_invalidate_text(connection->client, connection->header,
                               strlen(connection->header));
        printf("refused: %s\n", mosquitto_connack_string(result));
    }
    fflush(stdout);
}

/* Connects, or connects again, if there is an auth token that was not used yet. */
static void use_token(struct connection *connection)
{
    char header[sizeof connection->header];
    emnify_error *error = NULL;
    int32_t status =
        emnify_try_authorization_header(connection->client, header, sizeof header, NULL, &error);

    if (status == EMNIFY_OK && strcmp(header, connection->header) != 0) {
        memcpy(connection->header, header, sizeof header);
        mosquitto_disconnect(connection->mqtt);
        mosquitto_username_pw_set(connection->mqtt, "emnify", header + PREFIX_LENGTH);
        /* Looking up the name and connecting may take a moment: use an address in real-time code. */
        if (mosquitto_connect(connection->mqtt, connection->host, connection->port, 60) != 0) {
            connection->header[0] = '\0'; /* tried again with the next round */
        }
    } else if (status != EMNIFY_OK && status != EMNIFY_ERR_PENDING) {
        fprintf(stderr, "%s\n", emnify_error_message(error));
    }
    memset(header, 0, sizeof header);
    emnify_error_free(error);
}

static void run(struct connection *connection, int32_t fd)
{
    struct pollfd watched[2];

    while (!stop) {
        int socket = mosquitto_socket(connection->mqtt);

        memset(watched, 0, sizeof watched);
        watched[0].fd = fd;
        watched[0].events = POLLIN;
        watched[1].fd = socket; /* -1 without a connection: poll() ignores it */
        watched[1].events = POLLIN;
        if (mosquitto_want_write(connection->mqtt)) {
            watched[1].events |= POLLOUT;
        }
        if (poll(watched, 2, 1000) < 0) {
            continue; /* interrupted */
        }
        if (watched[1].revents & (POLLIN | POLLHUP | POLLERR)) {
            if (mosquitto_loop_read(connection->mqtt, 1) != 0) {
                connection->header[0] = '\0'; /* lost: connect again */
            }
        }
        if (watched[1].revents & POLLOUT) {
            mosquitto_loop_write(connection->mqtt, 1);
        }
        mosquitto_loop_misc(connection->mqtt);
        if ((watched[0].revents & POLLIN) != 0 &&
            emnify_client_process(connection->client, NULL) != EMNIFY_OK) {
            break; /* the client was cancelled */
        }
        use_token(connection);
    }
}

int main(void)
{
    struct connection connection;
    struct sigaction action;
    emnify_error *error = NULL;
    int32_t fd = -1;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    memset(&connection, 0, sizeof connection);
    connection.host = getenv("BROKER") != NULL ? getenv("BROKER") : "127.0.0.1";
    connection.port = getenv("BROKER_PORT") != NULL ? atoi(getenv("BROKER_PORT")) : 1883;
    if (emnify_client_new(NULL, &connection.client, &error) != EMNIFY_OK ||
        emnify_client_fd(connection.client, &fd, &error) != EMNIFY_OK) {
        fprintf(stderr, "%s\n", emnify_error_message(error));
        return 78; /* EX_CONFIG */
    }
    mosquitto_lib_init();
    connection.mqtt = mosquitto_new(NULL, true, &connection);
    if (connection.mqtt == NULL) {
        perror("mosquitto_new");
        return 1;
    }
    mosquitto_connect_callback_set(connection.mqtt, on_connect);
    run(&connection, fd);

    mosquitto_disconnect(connection.mqtt);
    mosquitto_destroy(connection.mqtt);
    mosquitto_lib_cleanup();
    emnify_client_free(connection.client);
    memset(connection.header, 0, sizeof connection.header);
    return 0;
}
