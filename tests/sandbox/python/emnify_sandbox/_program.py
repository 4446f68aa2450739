"""Finds the program emnify-sandbox, which the wheel contains."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

__all__ = ["find_program"]


def find_program() -> Path:
    """Return the path of the program emnify-sandbox that was installed with this package.

    Raises FileNotFoundError, whose message names the folders that were searched.
    """
    name = f"emnify-sandbox{sysconfig.get_config_var('EXE') or ''}"
    folders = dict.fromkeys(_folders())
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(map(str, folders))
    raise FileNotFoundError(
        f"the program {name} is not in {searched}; install it with: pip install emnify-sandbox"
    )


def _folders() -> Iterator[Path]:
    """Yield the folders into which installers put programs, the most likely first."""
    yield Path(sysconfig.get_path("scripts"))
    # An environment that sees the packages of the interpreter that it was created with.
    yield Path(sysconfig.get_path("scripts", vars={"base": sys.base_prefix}))
    yield Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))
    packages = Path(__file__).resolve().parent.parent
    # pip install --target
    yield packages / "bin"
    # pip install --prefix, and the environments in which pip builds packages:
    # <prefix>/lib/python3.13/site-packages, on Windows <prefix>/Lib/site-packages.
    up = 1 if os.name == "nt" else 2
    if len(packages.parents) > up:
        yield packages.parents[up] / ("Scripts" if os.name == "nt" else "bin")
