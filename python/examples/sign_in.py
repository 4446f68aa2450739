"""Signs in to emnify, creates an application token, lists all of them and revokes the new one.

Set EMNIFY_APPLICATION_TOKEN, or set EMNIFY_APPLICATION_TOKEN_FILE to the path of a file that
contains it. Then run this file. The new application token expires tomorrow, even if the last step
fails.
"""

import datetime
import sys

from emnify_auth import AuthenticationError, Client, EmnifyError, InvalidInputError


def main() -> int:
    """Run the example and return the exit code."""
    try:
        with Client() as client:
            tour(client)
    except InvalidInputError as error:
        print(f"Invalid setting: {error}", file=sys.stderr)
        return 2
    except AuthenticationError as error:
        print(f"Cannot sign in: {error}", file=sys.stderr)
        return 1
    except EmnifyError as error:
        advice = " Try again later." if error.is_retryable else ""
        print(f"Error: {error}.{advice}", file=sys.stderr)
        return 1
    return 0


def tour(client: Client) -> None:
    """Make each call once."""
    auth_token = client.authenticate()
    print(f"Signed in to workspace {auth_token.organisation_id}.")
    print(f"The auth token is valid until {auth_token.expires_at:%Y-%m-%d %H:%M} UTC.")

    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    tokens = client.application_tokens
    created = tokens.create(description="example: sign_in.py", expiry_date=tomorrow)
    # emnify shows the value only now. A real program would store it where it keeps secrets.
    print(f"Created application token {created.id}: {created.reveal()[:3]}… (not shown)")

    print("The application tokens of this workspace:")
    for token in tokens.list():
        expiry = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "never expires"
        print(f"  {token.id:>8}  {token.status or '-':<10} {expiry:<17} {token.description or '-'}")

    if created.id is None:
        print("The id of the new one is not known; revoke it in the portal.")
    else:
        tokens.revoke(created.id)
        print(f"Revoked application token {created.id}.")


if __name__ == "__main__":
    sys.exit(main())
