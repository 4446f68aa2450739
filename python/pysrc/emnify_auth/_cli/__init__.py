"""The command `emnify-auth`. It is for people and scripts; a program imports emnify_auth.

What it is made of is no part of the package's interface. It needs the extra `cli`: click for
arguments and help, rich for tables and progress bars. Both are small, typed and everywhere.
"""

import importlib.util
import sys

__all__ = ["main"]

# What the extra brings. rich is imported where it draws something, as it takes its time.
_NEEDED = ("click", "rich")


def main() -> int:
    """Run the command line of this process, and return its exit code."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            sys.stderr.write(
                f"emnify-auth: the command line needs {name}, which is not installed.\n"
                "Get it with: pip install 'emnify-auth[cli]'\n"
            )
            return 2
    try:
        from ._app import run

        return run()
    except KeyboardInterrupt:
        return 130
