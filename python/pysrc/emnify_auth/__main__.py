"""Runs the command `emnify-auth` for `python -m emnify_auth`."""

import sys

from ._cli import main

if __name__ == "__main__":
    sys.exit(main())
