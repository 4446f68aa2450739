"""`metrics`: signs in, and prints metrics for Prometheus."""

import contextlib
from pathlib import Path

import click

from .. import EmnifyError
from ._secret_file import SecretFile
from ._session import open_client, person
from ._settings import Command, Settings, complete_file

__all__ = ["metrics"]

_EXPIRY = "emnify_application_token_expiry_timestamp_seconds"

_settings = click.make_pass_decorator(Settings, ensure=True)


@click.command(cls=Command)
@click.option(
    "--output",
    type=click.Path(path_type=Path, readable=False, allow_dash=True),
    metavar="FILE",
    shell_complete=complete_file,
    help="Replace this file, in one step, with mode 0644: a .prom file in the directory that "
    "node_exporter reads. Default: -, standard output.",
)
@_settings
def metrics(settings: Settings, output: Path | None) -> None:
    """Sign in, and print metrics for Prometheus.

    The format is OpenMetrics. With --store, the command uses the stored session
    and signs in only when that is due for renewal. If signing in fails, the
    metrics show that, and the command fails after it has printed them.
    """
    with open_client(settings) as client:
        failed: EmnifyError | None = None
        try:
            client.authenticate()
        except EmnifyError as error:
            failed = error
        text = client.metrics()
        if failed is None and not person(settings) and _EXPIRY not in text:
            # Only the list may show when the application token expires.
            with contextlib.suppress(EmnifyError):
                client.application_tokens.own()
            text = client.metrics()
    if output is None or str(output) == "-":
        click.echo(text, nl=False)
    else:
        with SecretFile(output, replace=True, mode=0o644) as file:
            file.write(text)
    if failed is not None:
        raise failed
