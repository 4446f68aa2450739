"""Runs the program emnify-sandbox: python -m emnify_sandbox."""

import os
import subprocess
import sys

from . import find_program

if __name__ == "__main__":
    command = [str(find_program()), *sys.argv[1:]]
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606
    # Windows has no exec: there the parent would see this process end at once.
    sys.exit(subprocess.run(command, check=False).returncode)
