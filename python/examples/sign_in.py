"""Signs in to emnify, makes an application token, shows the list and revokes the token again.

Set EMNIFY_APPLICATION_TOKEN, or EMNIFY_APPLICATION_TOKEN_FILE to the path of a file that holds it,
then run this file. The new token expires tomorrow, should the last step fail.
"""

import datetime
import sys

from emnify_auth import AuthenticationError, Client, EmnifyError, InvalidInputError


def main() -> int:
    """Return what the shell shall see: 0 for success."""
    try:
        with Client() as client:
            tour(client)
    except InvalidInputError as error:
        print(f"This is not set up yet: {error}", file=sys.stderr)
        return 2
    except AuthenticationError as error:
        print(f"emnify does not let us in: {error}", file=sys.stderr)
        return 1
    except EmnifyError as error:
        again = " Trying again may help." if error.is_retryable else ""
        print(f"That did not work: {error}.{again}", file=sys.stderr)
        return 1
    return 0


def tour(client: Client) -> None:
    """Go through the calls once."""
    auth_token = client.authenticate()
    print(f"Signed in to organisation {auth_token.organisation_id}.")
    print(f"The auth token is valid until {auth_token.expires_at:%Y-%m-%d %H:%M} UTC.")

    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    tokens = client.application_tokens
    created = tokens.create(description="example: sign_in.py", expiry_date=tomorrow)
    # The one time that the value is shown: a real program stores it now, where secrets are kept.
    print(f"Created application token {created.id}: {created.reveal()[:3]}… (not shown)")

    print("The application tokens of this workspace:")
    for token in tokens.list():
        expiry = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "for ever"
        print(f"  {token.id:>8}  {token.status or '-':<10} {expiry:<17} {token.description or '-'}")

    if created.id is None:
        print("Which row is the new one is not certain; revoke it in the portal.")
    else:
        tokens.revoke(created.id)
        print(f"Revoked application token {created.id}.")


if __name__ == "__main__":
    sys.exit(main())
