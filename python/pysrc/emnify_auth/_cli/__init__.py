"""The command `emnify-auth`, for people and scripts. Programs import emnify_auth instead.

Nothing here but the command is public. It needs the extra `cli`: click for arguments and help,
rich for tables and progress bars, jmespath for --query.
"""

import importlib.util
import os
import sys

__all__ = ["main"]

# The packages of the extra. rich and jmespath are slow to import, so only the functions that use
# them import them.
_NEEDED = ("click", "rich", "jmespath")


def main() -> int:
    """Run the command with the arguments of this process, and return its exit code."""
    has_output = sys.stdout is not None
    _open_standard_streams()
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            sys.stderr.write(
                f"emnify-auth: the command line needs the package {name}, which is not "
                "installed.\nInstall it with: pip install 'emnify-auth[cli]'\n"
            )
            return 2
    try:
        from ._app import run

        return run(has_output)
    except KeyboardInterrupt:
        return 130


def _open_standard_streams() -> None:
    """Open /dev/null in place of each closed standard stream. A file that is opened later would
    otherwise get its descriptor, and receive what is written to the stream."""
    for name in ("stdin", "stdout", "stderr"):
        # Python sets them to None if the descriptor was closed at the start.
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8"))  # noqa: SIM115 - open until the end
