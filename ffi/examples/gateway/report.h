/* Tells systemd and Prometheus how the gateway is doing. */

#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "emnify.h"

/* Sends a state to systemd, such as "READY=1" or "STATUS=..." (see man 3 sd_notify). Does nothing
 * if systemd does not wait for this process. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t length;
    int descriptor;

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (path == NULL || strlen(path) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* an abstract name */
    }
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0) {
        sendto(descriptor, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length);
        close(descriptor);
    }
}

/* Shows a line in systemctl status. */
static void show(const char *text)
{
    char state[1024];

    snprintf(state, sizeof state, "STATUS=%s", text);
    notify(state);
}

/* Writes the client's metrics to a file that node_exporter reads. Replaces it as a whole. Returns
 * whether that worked. */
static bool write_metrics(const emnify_client *client, const char *path)
{
    static char text[8192];
    char temporary[1024];
    size_t length = 0;
    FILE *file;
    bool written;

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.tmp", path) >= sizeof temporary ||
        emnify_client_metrics(client, text, sizeof text, &length, NULL) != EMNIFY_OK) {
        return false;
    }
    file = fopen(temporary, "w");
    if (file == NULL) {
        return false;
    }
    /* Other users may read it. */
    written = fchmod(fileno(file), 0644) == 0 && fwrite(text, 1, length, file) == length;
    return fclose(file) == 0 && written && rename(temporary, path) == 0;
}

#endif
