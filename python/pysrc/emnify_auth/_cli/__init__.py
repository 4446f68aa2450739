"""The command `emnify-auth`, for people and scripts. Programs import emnify_auth instead.

Nothing here but the command is public. It needs the extra `cli`: click for arguments and help,
rich for tables and progress bars.
"""

import importlib.util
import sys

__all__ = ["main"]

# The packages of the extra. rich is slow to import, so only the functions that draw import it.
_NEEDED = ("click", "rich")


def main() -> int:
    """Run the command with the arguments of this process, and return its exit code."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            sys.stderr.write(
                f"emnify-auth: the command line needs the package {name}, which is not "
                "installed.\nInstall it with: pip install 'emnify-auth[cli]'\n"
            )
            return 2
    try:
        from ._app import run

        return run()
    except KeyboardInterrupt:
        return 130
