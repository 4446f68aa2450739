/* A call of the API with libcurl's easy interface and cJSON, as a programmer would write it without
 * a library: no renewal, no retry, one thread. */
#include "call.h"
#include <cjson/cJSON.h>
#include <curl/curl.h>

static CURL *curl;
static struct curl_slist *headers;
static char *body;
static size_t length;

static size_t take(char *data, size_t size, size_t count, void *user) {
    (void)user;
    body = realloc(body, length + size * count + 1);
    if (!body) abort();
    memcpy(body + length, data, size * count);
    length += size * count;
    body[length] = '\0';
    return size * count;
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    if (!value) abort();
    return value;
}

static void perform(const char *path) {
    char url[512];
    snprintf(url, sizeof url, "%s%s", variable("EMNIFY_BASE_PATH"), path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    length = 0;
    if (curl_easy_perform(curl) != CURLE_OK) abort();
}

static void sign_in(void) {
    char header[4096];
    char *request;
    cJSON *json = cJSON_CreateObject();
    curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_CAINFO, variable("SSL_CERT_FILE"));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    cJSON_AddStringToObject(json, "application_token", variable("EMNIFY_APPLICATION_TOKEN"));
    request = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request);
    perform("/api/v1/authenticate");
    json = cJSON_Parse(body);
    snprintf(header, sizeof header, "Authorization: Bearer %s",
             cJSON_GetStringValue(cJSON_GetObjectItem(json, "auth_token")));
    cJSON_Delete(json);
    free(request);
    curl_slist_free_all(headers);
    headers = curl_slist_append(NULL, header);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
}

static size_t call(void) {
    if (!curl) sign_in();
    perform(PATH);
    return length;
}

int main(void) {
    return measure(call);
}
