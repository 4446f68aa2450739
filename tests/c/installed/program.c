/* A user's program, which is built against an installed library. */
#include <emnify.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    emnify_client *client = NULL;
    emnify_auth_token *auth_token = NULL;
    emnify_error *error = NULL;
    int failed = emnify_client_new(NULL, &client, &error) != EMNIFY_OK ||
                 emnify_authenticate(client, &auth_token, &error) != EMNIFY_OK;

    if (failed)
        fprintf(stderr, "%s\n", emnify_error_message(error));
    else
        printf("signed in with %s\n", emnify_version());
    failed = failed || strcmp(emnify_version(), EMNIFY_VERSION) != 0;
    emnify_error_free(error);
    emnify_auth_token_free(auth_token);
    emnify_client_free(client);
    return failed;
}
