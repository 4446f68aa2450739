"""Says what to install when a package is missing that only a part of this one needs."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["needs"]


@contextmanager
def needs(part: str, packages: tuple[str, ...], install: str) -> Iterator[None]:
    """Run the imports of a part. If one of these packages is missing, the ModuleNotFoundError says
    how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in packages:
            raise
        raise ModuleNotFoundError(
            f"{part} needs {error.name}, which is not installed; install it with: {install}",
            name=error.name,
        ) from None
