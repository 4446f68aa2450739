/*
 * Secrets are wiped when their handles are freed. This program defines malloc() and free(), which the
 * library calls, and searches each block of this thread before it is freed. Not for valgrind or
 * sanitizers, which define them, too.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "support.h"

/* The text to search for, and in how many blocks it was found. */
static char secret[64];
static size_t secret_length;
static int found;
static pthread_t this_thread;

#define ALIGNMENT 16
#define CHUNK ((size_t)1 << 20)

/* Returns a block of zeros, with its size before it. No memory is used twice: otherwise content from
 * an earlier owner, such as a buffer of the HTTP library, would count as a secret that its new owner
 * did not wipe. */
static void *new_block(size_t alignment, size_t size)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static uintptr_t next;
    static uintptr_t end;
    uintptr_t start;
    void *chunk;

    if (alignment < ALIGNMENT) {
        alignment = ALIGNMENT;
    }
    if (size > SIZE_MAX / 2 || alignment > CHUNK) {
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    start = (next + sizeof(size_t) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    if (next == 0 || start > end || size > end - start) {
        chunk = mmap(NULL, size + 2 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                     0);
        next = chunk == MAP_FAILED ? 0 : (uintptr_t)chunk;
        end = next + size + 2 * CHUNK;
        start = (next + sizeof(size_t) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    }
    if (next != 0) {
        next = start + size;
        ((size_t *)start)[-1] = size;
    }
    pthread_mutex_unlock(&mutex);
    return next != 0 ? (void *)start : NULL;
}

static size_t size_of(const void *block)
{
    return block == NULL ? 0 : ((const size_t *)block)[-1];
}

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
void free(void *block);

void *malloc(size_t size)
{
    return new_block(ALIGNMENT, size);
}

void *calloc(size_t count, size_t size)
{
    return size > 0 && count > SIZE_MAX / size ? NULL : malloc(count * size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return new_block(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = new_block(alignment, size);
    return *block == NULL ? ENOMEM : 0;
}

void free(void *block)
{
    if (block != NULL && secret_length > 0 && pthread_equal(pthread_self(), this_thread) &&
        memmem(block, size_of(block), secret, secret_length) != NULL) {
        found++;
    }
}

void *realloc(void *block, size_t size)
{
    void *grown = malloc(size);

    if (grown != NULL && block != NULL) {
        memcpy(grown, block, size_of(block) < size ? size_of(block) : size);
        free(block);
    }
    return grown;
}

static void look_for(const char *text)
{
    this_thread = pthread_self();
    found = 0;
    /* Searches for the end, because tokens have the same beginning. */
    secret_length = strlen(text) < 40 ? strlen(text) : 40;
    memcpy(secret, text + strlen(text) - secret_length, secret_length);
}

static void the_search_finds_what_is_there(void)
{
    char *block = strdup("a canary in a block");

    look_for("canary");
    free(block);
    CHECK_NUMBER(found, 1);
}

static void an_application_token_is_wiped_with_its_configuration_and_client(void)
{
    emnify_client *client;

    look_for(sandbox_variable("EMNIFY_APPLICATION_TOKEN"));
    client = sandbox_client();
    emnify_client_free(client);
    CHECK_NUMBER(found, 0);
}

static void a_refused_application_token_is_wiped(void)
{
    emnify_error *error = NULL;
    emnify_client *client = NULL;
    emnify_config *config = emnify_config_new();

    look_for("canary-canary-canary canary");
    CHECK_OK(emnify_config_set_application_token(config, "canary-canary-canary canary", 27,
                                                 &error));
    CHECK_REFUSED(emnify_client_new(config, &client, &error), "application_token");
    emnify_config_free(config);
    CHECK_NUMBER(found, 0);
}

static void an_auth_token_is_wiped_with_its_last_handle(void)
{
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_client *client = sandbox_client();

    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    look_for(emnify_auth_token_reveal(auth_token));
    /* The client had it, too, until now. */
    emnify_invalidate(client, auth_token);
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
    CHECK_NUMBER(found, 0);
}

static void a_password_is_wiped_with_its_configuration_and_client(void)
{
    static const char password[] = "canary-of-a-password-that-nobody-has";
    emnify_error *error = NULL;
    emnify_client *client = NULL;
    emnify_config *config = emnify_config_new();

    look_for(password);
    CHECK_OK(emnify_config_set_user(config, "user", password, strlen(password), &error));
    CHECK_OK(emnify_config_set_trusted_device(config, password, strlen(password), "hall", &error));
    CHECK_OK(emnify_client_new(config, &client, &error));
    emnify_config_free(config);
    emnify_client_free(client);
    CHECK_NUMBER(found, 0);
}

static void no_copy_of_an_auth_token_remains_after_writing_it_to_a_store(void)
{
    char path[] = "/tmp/emnify-store-XXXXXX";
    emnify_error *error = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_config *config = sandbox_config();
    emnify_client *client;
    char copy[2048];

    CHECK(mkdtemp(path) != NULL);
    CHECK_OK(emnify_config_set_store(config, path, &error));
    client = client_of(config);
    CHECK_OK(emnify_authenticate(client, &auth_token, &error));
    snprintf(copy, sizeof copy, "%s", emnify_auth_token_reveal(auth_token));
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);

    /* This client reads it from the store, and writes when it is reported. */
    config = sandbox_config();
    CHECK_OK(emnify_config_set_store(config, path, &error));
    client = client_of(config);
    look_for(copy);
    CHECK_OK(authenticate(client, &error));
    emnify_invalidate_text(client, copy, strlen(copy));
    CHECK_OK(authenticate(client, &error));
    emnify_client_free(client);
    CHECK_NUMBER(found, 0);
    CHECK_NUMBER(sandbox_calls("POST", SANDBOX_AUTHENTICATE), 2);
    remove_folder(path);
}

static void a_created_token_is_wiped_with_its_handle(void)
{
    emnify_error *error = NULL;
    emnify_created_token *created = NULL;
    emnify_client *client = sandbox_client();

    CHECK_OK(emnify_token_create(client, NULL, &created, &error));
    look_for(emnify_created_token_reveal(created));
    emnify_created_token_free(created);
    emnify_client_free(client);
    CHECK_NUMBER(found, 0);
}

static void a_response_is_wiped_with_its_handle(void)
{
    static const char answer[] = "canary-of-an-answer-that-may-hold-a-secret";
    emnify_error *error = NULL;
    emnify_response *response = NULL;
    emnify_client *client = sandbox_client();

    sandbox_fault("{\"path\": \"/api/v1/sim\", \"kind\": \"status\", \"status\": 200,"
                  " \"body\": \"canary-of-an-answer-that-may-hold-a-secret\"}");
    CHECK_OK(emnify_request(client, "GET", "/api/v1/sim", NULL, &response, &error));
    CHECK_TEXT(emnify_response_body(response, NULL), answer);
    look_for(answer);
    emnify_response_free(response);
    emnify_client_free(client);
    CHECK_NUMBER(found, 0);
}

static void the_search_finds_what_the_library_frees(void)
{
    static const char url[] = "https://a-canary-that-is-no-secret.example";
    emnify_error *error = NULL;
    emnify_config *config = emnify_config_new();

    look_for(url);
    CHECK_OK(emnify_config_set_base_url(config, url, &error));
    emnify_config_free(config);
    CHECK(found > 0);
}

int main(void)
{
    RUN(the_search_finds_what_is_there);
    RUN(the_search_finds_what_the_library_frees);
    RUN(an_application_token_is_wiped_with_its_configuration_and_client);
    RUN(a_refused_application_token_is_wiped);
    RUN(an_auth_token_is_wiped_with_its_last_handle);
    RUN(a_password_is_wiped_with_its_configuration_and_client);
    RUN(no_copy_of_an_auth_token_remains_after_writing_it_to_a_store);
    RUN(a_created_token_is_wiped_with_its_handle);
    RUN(a_response_is_wiped_with_its_handle);
    return check_report();
}
