"""The common options, which every command accepts before or after its name."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
from click.shell_completion import CompletionItem

from ._values import COUNT, DURATION, QUERY

__all__ = ["Command", "Group", "Settings", "complete_file"]


@dataclass
class Settings:
    """The values of the common options."""

    application_token_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    workspace: int | None = None
    base_url: str | None = None
    ca_bundle: Path | None = None
    store: str | None = None
    timeout: float = 30.0
    retries: int = 2
    json_output: bool = False
    query: Any = None
    no_color: bool = False
    verbose: bool = False

    @property
    def prints_json(self) -> bool:
        """Whether results are printed as JSON."""
        return self.json_output or self.query is not None

    @property
    def store_location(self) -> str | None:
        """Where the session is kept. The library reads the variable itself."""
        return self.store or os.environ.get("EMNIFY_STORE") or None


def _set(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ANN401
    settings = ctx.ensure_object(Settings)
    if param.name is not None and value is not None and value is not False:
        setattr(settings, param.name, value)


def _set_store(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and "://" in value:
        url = urlsplit(value)
        if url.password is not None or "pass" in parse_qs(url.query):
            raise click.BadParameter(
                "the URL contains a password, which every user of this machine can see in the list "
                "of processes; put it into the environment variable EMNIFY_STORE_PASSWORD, or into "
                "a file that EMNIFY_STORE_PASSWORD_FILE names"
            )
    _set(ctx, param, value)


# Whether it can be read is reported where it is read.
_FILE = click.Path(path_type=Path, readable=False)


def complete_file(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def _complete_directory(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def _options(hidden: bool) -> list[click.Option]:
    def option(*names: str, **attributes: Any) -> click.Option:  # noqa: ANN401
        attributes.setdefault("callback", _set)
        return click.Option(names, expose_value=False, hidden=hidden, **attributes)

    return [
        option(
            "--application-token-file",
            type=_FILE,
            metavar="FILE",
            help="Sign in with the application token in this file, or from a pipe: <(command).",
        ),
        option(
            "--user",
            metavar="NAME",
            help="Sign in as this user. The password comes from --password-file, EMNIFY_PASSWORD "
            "or a prompt; a one-time code, if needed, from a prompt.",
        ),
        option(
            "--password-file",
            type=_FILE,
            metavar="FILE",
            help="With --user: read the password from this file.",
        ),
        option(
            "--workspace",
            type=int,
            metavar="ID",
            help="With --user: switch to this workspace.",
        ),
        option(
            "--store",
            metavar="STORE",
            callback=_set_store,
            shell_complete=_complete_directory,
            help="Keep the session here, so that later commands need not sign in. A directory, or "
            "a URL such as redis://host:6379/0. Default: EMNIFY_STORE.",
        ),
        option("--base-url", metavar="URL", help="Address of the API."),
        option(
            "--ca-bundle",
            type=_FILE,
            metavar="FILE",
            help="Trust only the certificate authorities in this PEM file.",
        ),
        option(
            "--timeout",
            type=DURATION,
            metavar="DURATION",
            help="Time limit for one call with its retries: 90 (seconds), 15m or 2h. Default: 30s.",
        ),
        option(
            "--retries",
            type=COUNT,
            metavar="N",
            help="How often a call is repeated after temporary failures. Default: 2.",
        ),
        option("--json", "json_output", is_flag=True, help="Print results and errors as JSON."),
        option(
            "-q",
            "--query",
            type=QUERY,
            metavar="JMESPATH",
            help="Print what this expression selects from the result, as JSON; a text without "
            "quotes.",
        ),
        option("--no-color", is_flag=True, help="Print without colours; NO_COLOR does the same."),
        option(
            "-v",
            "--verbose",
            is_flag=True,
            help="Report on standard error what happens to the session.",
        ),
    ]


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _with_common(command: click.Command, *, hidden: bool) -> None:
    """Add the common options, except those that the command defines itself."""
    taken = {name for param in command.params for name in param.opts}
    for option in _options(hidden=hidden):
        if not taken.intersection(option.opts):
            command.params.append(option)


class _Common(click.Command):
    """Completes the common options, too, which the help of most commands does not list."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        for option in self.params:
            if isinstance(option, click.Option):
                option.hidden = False
        return super().shell_complete(ctx, incomplete)


_EPILOG = "The options of `emnify-auth --help` are accepted here too."


class Command(_Common):
    """A command that accepts the common options without listing them in its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("context_settings", _CONTEXT)
        kwargs.setdefault("epilog", _EPILOG)
        super().__init__(*args, **kwargs)
        _with_common(self, hidden=True)


class Group(_Common, click.Group):
    """A group of commands that accepts the common options."""

    lists_common = False
    """Whether its help lists the common options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        kwargs.setdefault("context_settings", _CONTEXT)
        kwargs.setdefault("epilog", _EPILOG)
        super().__init__(*args, **kwargs)
        _with_common(self, hidden=not self.lists_common)
