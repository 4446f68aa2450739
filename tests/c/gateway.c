/*
 * The gateway example, run as on a device: it sends readings, replaces its application token,
 * continues after an outage, and ends on a signal. GATEWAY is the path of its program.
 */

#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "support.h"

#define ENDPOINT "/api/v1/endpoint/100007"
#define CANNOT_WORK 78

/* A running gateway, with its files in a folder of its own. */
struct gateway {
    pid_t process;
    char folder[64];
    char store[80];
    char token_file[80];
    char log_file[80];
    char metrics_file[80];
    int notified; /* the socket that systemd would have */
    char log[16384];
};

static void listen_as_systemd(struct gateway *gateway)
{
    struct sockaddr_un address;
    struct timeval patience = {20, 0};

    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", gateway->folder);
    gateway->notified = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(bind(gateway->notified, (struct sockaddr *)&address, sizeof address) == 0);
    setsockopt(gateway->notified, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

/* Checks what systemd is told next. */
static void check_told(const struct gateway *gateway, const char *expected)
{
    char state[1024] = "";

    CHECK(recv(gateway->notified, state, sizeof state - 1, 0) > 0);
    CHECK_TEXT(state, expected);
}

static void prepare(struct gateway *gateway, const char *token)
{
    FILE *file;

    memset(gateway, 0, sizeof *gateway);
    snprintf(gateway->folder, sizeof gateway->folder, "/tmp/emnify-gateway-XXXXXX");
    CHECK(mkdtemp(gateway->folder) != NULL);
    snprintf(gateway->store, sizeof gateway->store, "%s/store", gateway->folder);
    snprintf(gateway->token_file, sizeof gateway->token_file, "%s/token", gateway->folder);
    snprintf(gateway->log_file, sizeof gateway->log_file, "%s/log", gateway->folder);
    snprintf(gateway->metrics_file, sizeof gateway->metrics_file, "%s/prom", gateway->folder);
    listen_as_systemd(gateway);
    file = fopen(gateway->token_file, "w");
    if (file != NULL) {
        fprintf(file, "%s\n", token);
        fclose(file);
    }
}

static void start(struct gateway *gateway, const char *endpoint)
{
    const char *program = sandbox_variable("GATEWAY");
    char notify_socket[80];
    int log;

    snprintf(notify_socket, sizeof notify_socket, "%s/notify", gateway->folder);
    unlink(gateway->log_file);
    gateway->log[0] = '\0';
    fflush(stdout);
    gateway->process = fork();
    if (gateway->process == 0) {
        unsetenv("EMNIFY_APPLICATION_TOKEN");
        unsetenv("JOURNAL_STREAM");
        setenv("EMNIFY_APPLICATION_TOKEN_FILE", gateway->token_file, 1);
        setenv("STATE_DIRECTORY", gateway->store, 1);
        setenv("GATEWAY_ENDPOINT", endpoint, 1);
        setenv("GATEWAY_INTERVAL_S", "1", 1);
        setenv("GATEWAY_METRICS_FILE", gateway->metrics_file, 1);
        setenv("NOTIFY_SOCKET", notify_socket, 1);
        log = open(gateway->log_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(log, 2);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    CHECK(gateway->process > 0);
}

static void read_log(struct gateway *gateway)
{
    FILE *file = fopen(gateway->log_file, "r");

    if (file != NULL) {
        gateway->log[fread(gateway->log, 1, sizeof gateway->log - 1, file)] = '\0';
        fclose(file);
    }
}

/* Whether the log contains this text, after `behind` if that is not NULL. */
static bool logged(struct gateway *gateway, const char *before, const char *text)
{
    const char *from;

    read_log(gateway);
    from = strstr(gateway->log, before);
    return from != NULL && strstr(from, text) != NULL;
}

static void wait_for_next(struct gateway *gateway, const char *before, const char *text)
{
    double end = check_clock() + 20;

    while (!logged(gateway, before, text) && check_clock() < end) {
        pause_ms(10);
    }
    if (!logged(gateway, before, text)) {
        check_that(false, text, __FILE__, __LINE__);
        printf("%s", gateway->log);
    }
}

/* Waits until the log contains this text. */
static void wait_for(struct gateway *gateway, const char *text)
{
    wait_for_next(gateway, "", text);
}

/* Waits until it ends, which must take at most a second, and returns its status. */
static int end_of(struct gateway *gateway)
{
    double start = check_clock();
    int status = -1;

    while (waitpid(gateway->process, &status, WNOHANG) == 0 && check_clock() < start + 20) {
        pause_ms(5);
    }
    CHECK(check_clock() - start < 1);
    read_log(gateway);
    check_no_secret(gateway->log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Sends the signal to end. */
static void stop(struct gateway *gateway, int number)
{
    kill(gateway->process, number);
    CHECK_NUMBER(end_of(gateway), 0);
    CHECK(strstr(gateway->log, "emnify-gateway: stopped\n") != NULL);
}

static void clean_up(const struct gateway *gateway)
{
    close(gateway->notified);
    remove_folder(gateway->store);
    remove_folder(gateway->folder);
}

static void it_sends_readings_until_a_signal_ends_it(void)
{
    static char answer[4096];
    struct gateway gateway;
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();
    double end = check_clock() + 20;

    prepare(&gateway, sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    start(&gateway, ENDPOINT);
    wait_for(&gateway, "readings arrive at " ENDPOINT);
    while (sandbox_calls("PATCH", ENDPOINT) < 2 && check_clock() < end) {
        pause_ms(10);
    }
    stop(&gateway, SIGTERM);
    CHECK(strstr(gateway.log, "emnify-gateway: signed in, until ") != NULL);
    CHECK_OK(emnify_request(client, "GET", ENDPOINT, NULL, &response, &error));
    snprintf(answer, sizeof answer, "%s", emnify_response_body(response, NULL));
    CHECK(strstr(answer, "\"tags\":\"load=") != NULL);
    emnify_response_free(response);
    emnify_client_free(client);

    /* The next run uses the session in the store. */
    sandbox_request("POST", "/reset_counters", "", NULL, 0);
    start(&gateway, ENDPOINT);
    wait_for(&gateway, "readings arrive at " ENDPOINT);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 0);
    stop(&gateway, SIGINT);
    clean_up(&gateway);
}

static void it_replaces_its_application_token_on_a_signal(void)
{
    struct gateway gateway;
    char token[2048] = "";
    FILE *file;
    long calls;
    double end = check_clock() + 20;

    prepare(&gateway, sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    start(&gateway, ENDPOINT);
    wait_for(&gateway, "readings arrive at");
    kill(gateway.process, SIGUSR1);
    wait_for(&gateway, "application token 4711 was replaced by ");
    file = fopen(gateway.token_file, "r");
    CHECK(file != NULL && fgets(token, sizeof token, file) != NULL);
    fclose(file);
    CHECK(strlen(token) > 10);
    CHECK(strcmp(token, sandbox_variable("EMNIFY_APPLICATION_TOKEN")) != 0);
    calls = sandbox_calls("PATCH", ENDPOINT);
    while (sandbox_calls("PATCH", ENDPOINT) == calls && check_clock() < end) {
        pause_ms(10);
    }
    CHECK(sandbox_calls("PATCH", ENDPOINT) > calls);
    stop(&gateway, SIGTERM);
    CHECK(strstr(gateway.log, "error: ") == NULL);
    clean_up(&gateway);
}

/* systemd passes it in a folder that only root can write to. */
static void it_keeps_a_new_token_in_its_store_if_the_file_is_a_credential(void)
{
    const char *token = sandbox_variable("EMNIFY_APPLICATION_TOKEN");
    struct gateway gateway;
    char kept[2048] = "";
    FILE *file;

    prepare(&gateway, token);
    setenv("CREDENTIALS_DIRECTORY", gateway.folder, 1);
    start(&gateway, ENDPOINT);
    wait_for(&gateway, "readings arrive at");
    kill(gateway.process, SIGUSR1);
    wait_for(&gateway, "application token 4711 was replaced by ");
    stop(&gateway, SIGTERM);
    file = fopen(gateway.token_file, "r");
    CHECK(file != NULL && fgets(kept, sizeof kept, file) != NULL);
    fclose(file);
    CHECK(strncmp(kept, token, strlen(token)) == 0);

    /* The old one is revoked, but leads to the new one. */
    start(&gateway, ENDPOINT);
    wait_for(&gateway, "readings arrive at");
    stop(&gateway, SIGTERM);
    unsetenv("CREDENTIALS_DIRECTORY");
    clean_up(&gateway);
}

static void it_reports_to_systemd_and_prometheus(void)
{
    struct gateway gateway;
    char metrics[8192] = "";
    double end = check_clock() + 20;
    struct stat status;
    FILE *file;

    prepare(&gateway, sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    start(&gateway, ENDPOINT);
    check_told(&gateway, "READY=1\nSTATUS=signing in");
    check_told(&gateway, "STATUS=readings arrive");
    while (access(gateway.metrics_file, R_OK) != 0 && check_clock() < end) {
        pause_ms(10);
    }
    stop(&gateway, SIGTERM);
    check_told(&gateway, "STOPPING=1");
    CHECK(stat(gateway.metrics_file, &status) == 0 && (status.st_mode & 0777) == 0644);
    file = fopen(gateway.metrics_file, "r");
    CHECK(file != NULL && fread(metrics, 1, sizeof metrics - 1, file) > 0);
    fclose(file);
    CHECK(strstr(metrics, "\nemnify_signed_in 1\n") != NULL);
    check_no_secret(metrics);
    clean_up(&gateway);
}

static void it_continues_after_an_outage(void)
{
    static const char outage[] = "warning: the reading was not sent: ";
    struct gateway gateway;

    prepare(&gateway, sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    start(&gateway, ENDPOINT);
    wait_for(&gateway, "readings arrive at");
    sandbox_fault("{\"kind\": \"refuse\"}");
    wait_for(&gateway, outage);
    sandbox_clear_faults();
    wait_for_next(&gateway, outage, "readings arrive at " ENDPOINT);
    stop(&gateway, SIGTERM);
    clean_up(&gateway);
}

static void it_ends_at_once_while_the_server_hangs(void)
{
    struct gateway gateway;
    double end = check_clock() + 20;

    prepare(&gateway, sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    sandbox_fault("{\"path\": \"" ENDPOINT "\", \"kind\": \"delay\", \"milliseconds\": 30000}");
    start(&gateway, ENDPOINT);
    while (sandbox_calls("PATCH", ENDPOINT) == 0 && check_clock() < end) {
        pause_ms(10);
    }
    stop(&gateway, SIGTERM);
    sandbox_clear_faults();
    clean_up(&gateway);
}

static void check_cannot_work(const char *token, const char *endpoint, const char *why)
{
    struct gateway gateway;

    prepare(&gateway, token);
    start(&gateway, endpoint);
    wait_for(&gateway, why);
    CHECK_NUMBER(end_of(&gateway), CANNOT_WORK);
    CHECK(strstr(gateway.log, why) != NULL);
    clean_up(&gateway);
}

static void it_says_why_it_cannot_work(void)
{
    const char *token = sandbox_variable("EMNIFY_APPLICATION_TOKEN");

    check_cannot_work("not-the-one", ENDPOINT, "error: signing in was refused: cannot sign in");
    check_cannot_work(token, "/api/v1/endpoint/1", "error: the reading was not sent: cannot PATCH");
    check_cannot_work(token, "endpoint", "error: the reading was not sent: path: ");
    check_cannot_work("", ENDPOINT, "application_token_file: ");
}

int main(void)
{
    RUN(it_sends_readings_until_a_signal_ends_it);
    RUN(it_replaces_its_application_token_on_a_signal);
    RUN(it_keeps_a_new_token_in_its_store_if_the_file_is_a_credential);
    RUN(it_reports_to_systemd_and_prometheus);
    RUN(it_continues_after_an_outage);
    RUN(it_ends_at_once_while_the_server_hangs);
    RUN(it_says_why_it_cannot_work);
    return check_report();
}
