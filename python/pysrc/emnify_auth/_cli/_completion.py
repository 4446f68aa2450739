"""`completion`: prints the script with which a shell completes the command's words."""

import click
from click.shell_completion import get_completion_class

from ._settings import Command

__all__ = ["COMPLETE", "completion"]

COMPLETE = "_EMNIFY_AUTH_COMPLETE"
"""The variable with which a shell asks for words."""


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell: bash, zsh or fish.

    \b
    For the present session, and at each start of a shell:
      bash, in ~/.bashrc:  eval "$(emnify-auth completion bash)"
      zsh, in ~/.zshrc:    eval "$(emnify-auth completion zsh)"
      fish:  emnify-auth completion fish > ~/.config/fish/completions/emnify-auth.fish
    """  # noqa: D301 - \b tells click to keep the line breaks
    found = get_completion_class(shell)
    root = ctx.find_root()
    if found is not None and root.info_name is not None:
        click.echo(found(root.command, {}, root.info_name, COMPLETE).source())
