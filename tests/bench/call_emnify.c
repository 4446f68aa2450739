/* A call of the API with this library. */
#include "call.h"
#include <emnify.h>

static emnify_client *client;

static size_t call(void) {
    emnify_response *response = NULL;
    size_t length = 0;
    if (!client) {
        emnify_config *config = emnify_config_new();
        if (emnify_config_set_pacing(config, 0, NULL) != EMNIFY_OK ||
            emnify_client_new(config, &client, NULL) != EMNIFY_OK)
            abort();
        emnify_config_free(config);
    }
    if (emnify_request(client, "GET", PATH, NULL, &response, NULL) != EMNIFY_OK) abort();
    emnify_response_body(response, &length);
    emnify_response_free(response);
    return length;
}

int main(void) {
    return measure(call);
}
