"""The options that all commands have in common. They may stand before a command or after it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ._values import DURATION

__all__ = ["Command", "Group", "Settings"]


@dataclass
class Settings:
    """What the common options say."""

    application_token_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    workspace: int | None = None
    base_url: str | None = None
    ca_bundle: Path | None = None
    store: str | None = None
    timeout: float = 30.0
    json_output: bool = False
    no_color: bool = False
    verbose: bool = False


def _note(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ANN401
    settings = ctx.ensure_object(Settings)
    if param.name is not None and value is not None and value is not False:
        setattr(settings, param.name, value)


def _note_store(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and "://" in value and urlsplit(value).password is not None:
        raise click.BadParameter(
            "holds a password, which everybody on this machine sees in the list of processes; "
            "use a directory, or a Redis that asks for none"
        )
    _note(ctx, param, value)


_FILE = click.Path(path_type=Path)


def _options(hidden: bool) -> list[click.Option]:
    def option(*names: str, **attributes: Any) -> click.Option:  # noqa: ANN401
        attributes.setdefault("callback", _note)
        return click.Option(names, expose_value=False, hidden=hidden, **attributes)

    return [
        option(
            "--application-token-file",
            type=_FILE,
            metavar="FILE",
            help="Sign in with the application token that this file holds.",
        ),
        option(
            "--user",
            metavar="NAME",
            help="Sign in as a person. The password comes from EMNIFY_PASSWORD, --password-file "
            "or a prompt, a one-time code from a prompt.",
        ),
        option("--password-file", type=_FILE, metavar="FILE", help="Where that password is."),
        option(
            "--workspace",
            type=int,
            metavar="ID",
            help="Work in another workspace of that person.",
        ),
        option(
            "--store",
            metavar="DIRECTORY",
            callback=_note_store,
            help="Stay signed in between commands; also the URL of a Redis.",
        ),
        option("--base-url", metavar="URL", help="Where the API is."),
        option(
            "--ca-bundle",
            type=_FILE,
            metavar="FILE",
            help="Trust these authorities (PEM) and no others.",
        ),
        option(
            "--timeout",
            type=DURATION,
            metavar="DURATION",
            help="How long one call may take. Default: 30s.",
        ),
        option("--json", "json_output", is_flag=True, help="Print JSON."),
        option("--no-color", is_flag=True, help="Print without colours, as with NO_COLOR."),
        option("-v", "--verbose", is_flag=True, help="Tell on standard error what happens."),
    ]


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _with_common(command: click.Command, *, hidden: bool) -> None:
    """Add the common options where a command has no option of that name."""
    taken = {name for param in command.params for name in param.opts}
    for option in _options(hidden=hidden):
        if not taken.intersection(option.opts):
            command.params.append(option)


class Command(click.Command):
    """A command that also takes the common options, and does not list them again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("context_settings", _CONTEXT)
        kwargs.setdefault("epilog", "The options of `emnify-auth --help` may stand here too.")
        super().__init__(*args, **kwargs)
        _with_common(self, hidden=True)


class Group(click.Group):
    """A group of commands, which takes the common options too."""

    lists_common = False
    """Whether they are in its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("context_settings", _CONTEXT)
        super().__init__(*args, **kwargs)
        _with_common(self, hidden=not self.lists_common)
