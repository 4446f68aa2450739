"""Lists SIMs with emnify's own SDK, signed in by emnify_auth.

Install both:

    pip install 'emnify-auth[sdk]' && pip install --no-deps 'emnify-sdk<0.6'

Set EMNIFY_APPLICATION_TOKEN, or set EMNIFY_APPLICATION_TOKEN_FILE to the path of a file that
contains it. Then run this file.
"""

import itertools
import sys

from emnify_auth import Client, EmnifyError
from emnify_auth.sdk import connect


def main() -> int:
    """Run the example and return the exit code."""
    try:
        with Client() as client:
            # Instead of: emnify = EMnify(application_token)
            emnify = connect(client)
            for sim in itertools.islice(emnify.sim.get_sim_list(), 5):
                print(sim.id, sim.iccid, sim.status.description)
    except EmnifyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
