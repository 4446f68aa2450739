"""What `python -m emnify_auth` does: the same as the command `emnify-auth`."""

import sys

from ._cli import main

if __name__ == "__main__":
    sys.exit(main())
