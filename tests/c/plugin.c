/*
 * The library as used by a plug-in: opened with dlopen(), and closed with dlclose() while its
 * threads run. This program is not linked with it.
 */

#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>

#include "check.h"
#include "emnify.h"
#include "sandbox.h"

/* The functions that are used here, without "emnify_". */
struct library {
    void *handle;
    int32_t (*client_new)(const emnify_config *, emnify_client **, emnify_error **);
    int32_t (*authenticate)(const emnify_client *, emnify_auth_token **, emnify_error **);
    int32_t (*token_list)(const emnify_client *, const emnify_list_options *, emnify_tokens **,
                          emnify_error **);
    void (*auth_token_free)(emnify_auth_token *);
    void (*token_list_free)(emnify_tokens *);
    void (*client_free)(emnify_client *);
};

static void find(void *handle, const char *name, void *function, size_t size)
{
    void *found = dlsym(handle, name);

    CHECK(found != NULL);
    /* C has no cast from an object pointer to a function pointer. */
    memcpy(function, &found, size);
}

#define FIND(library, name) \
    find((library)->handle, "emnify_" #name, &(library)->name, sizeof (library)->name)

static void open_library(struct library *library)
{
    library->handle = dlopen("libemnify.so.0", RTLD_NOW | RTLD_LOCAL);
    CHECK(library->handle != NULL);
    if (library->handle == NULL) {
        sandbox_fail(dlerror());
    }
    FIND(library, client_new);
    FIND(library, authenticate);
    FIND(library, token_list);
    FIND(library, auth_token_free);
    FIND(library, token_list_free);
    FIND(library, client_free);
}

static void sign_in(const struct library *library, const emnify_client *client)
{
    emnify_auth_token *auth_token = NULL;

    CHECK_NUMBER(library->authenticate(client, &auth_token, NULL), EMNIFY_OK);
    library->auth_token_free(auth_token);
}

static void a_library_that_was_closed_can_be_opened_again(void)
{
    struct library library;
    emnify_client *client = NULL;
    int times;

    for (times = 0; times < 3; times++) {
        open_library(&library);
        CHECK_NUMBER(library.client_new(NULL, &client, NULL), EMNIFY_OK);
        sign_in(&library, client);
        library.client_free(client);
        CHECK_NUMBER(dlclose(library.handle), 0);
    }
}

static void threads_continue_when_the_library_is_closed(void)
{
    struct library library;
    emnify_client *client = NULL;
    emnify_tokens *list = NULL;
    double end = check_clock() + 30 * check_slowness();

    open_library(&library);
    CHECK_NUMBER(library.client_new(NULL, &client, NULL), EMNIFY_OK);
    /* The token is renewed in the background in five to seven seconds. */
    sandbox_settings("{\"auth_token_lifetime\": 8}");
    sign_in(&library, client);
    sandbox_fault("{\"path\": \"/api/v1/authenticate\", \"times\": 1, \"kind\": \"delay\","
                  " \"milliseconds\": 300}");
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) < 2 && check_clock() < end) {
        sign_in(&library, client);
    }
    CHECK_NUMBER(dlclose(library.handle), 0);
    while (sandbox_calls("POST", SANDBOX_AUTHENTICATE) < 3 && check_clock() < end) {
        sign_in(&library, client);
    }
    /* A program should not do this, but it works, because the code stays loaded for the threads. */
    CHECK_NUMBER(library.token_list(client, NULL, &list, NULL), EMNIFY_OK);
    library.token_list_free(list);
    library.client_free(client);
}

int main(void)
{
    RUN(a_library_that_was_closed_can_be_opened_again);
    RUN(threads_continue_when_the_library_is_closed);
    return check_report();
}
