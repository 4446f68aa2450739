"""Where `tokens rotate` puts the new application token, if not into the credential file: a command
stores it, or it is written to a file that is made from a template."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click

from .. import Client
from ._failure import fail, warn
from ._secret_file import SecretFile

__all__ = ["HandOver", "by_command", "by_template"]

_TOKEN = "{token}"  # noqa: S105 a placeholder
_ORGANISATION_ID = "{organisation_id}"
_PLACEHOLDER = re.compile(r"\{\w+\}")


@dataclass
class HandOver:
    """How the new application token is stored and read back."""

    hand_over: Callable[[str], None]
    read_back: Callable[[], str | None] | None
    where: str
    """Where the new one is, for a message."""


def by_command(store: str, read: str | None) -> HandOver:
    """Let a command store the token from its standard input, and another one print it."""

    def take(token: str) -> None:
        # Standard output is for the result of the rotation.
        _run(store, "--hand-over-command", stdin=token, stdout=sys.stderr)

    def kept() -> str:
        return _run(read or "", "--read-back-command", stdout=subprocess.PIPE)

    return HandOver(take, kept if read else None, "was handed over")


def _run(command: str, option: str, *, stdin: str = "", stdout: int | TextIO) -> str:
    ended = subprocess.run(  # noqa: S602 that is what the option is for
        command, shell=True, input=stdin, stdout=stdout, text=True, check=False
    )
    if ended.returncode:
        # The error of the rotation does not quote this one.
        warn(f"{option} ended with status {ended.returncode}")
        raise ChildProcessError
    return ended.stdout or ""


def by_template(
    template: Path, output: Path, client: Client, stack: ExitStack, client_file: Path | None
) -> HandOver:
    """Write the template with the token in it to a file, in one step and with mode 0600. The stack
    removes what was written if the rotation does not get there."""
    own = client_file and os.path.realpath(client_file)
    if os.path.realpath(output) in (own, os.path.realpath(template)):
        raise click.UsageError(
            f"--output {output} is the template or the file with the application token"
        )
    try:
        text = template.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"--template: cannot read {template}: {getattr(error, 'strerror', 'not UTF-8')}", 2)
    if _TOKEN not in text:
        raise click.UsageError(f"--template: {template} does not contain {_TOKEN}")
    if _ORGANISATION_ID in text:
        organisation_id = client.authenticate().organisation_id
        if organisation_id is None:
            fail(f"--template: the auth token does not contain the {_ORGANISATION_ID}", 1)
        text = text.replace(_ORGANISATION_ID, str(organisation_id))
    for name in sorted({*_PLACEHOLDER.findall(text)} - {_TOKEN}):
        warn(f"--template: {name} is not a placeholder and stays as it is")
    file = stack.enter_context(SecretFile(output, replace=True))
    before, *after = map(re.escape, text.split(_TOKEN))
    pattern = re.compile(before + r"(?P<token>\S+)" + "(?P=token)".join(after))

    def take(token: str) -> None:
        try:
            file.write(text.replace(_TOKEN, token))
        except OSError as error:
            # The error of the rotation does not quote this one.
            warn(f"cannot write {output}: {error.strerror}")
            raise

    def kept() -> str | None:
        found = pattern.fullmatch(output.read_text(encoding="utf-8"))
        return found["token"] if found else None

    return HandOver(take, kept, f"is in {output}")
