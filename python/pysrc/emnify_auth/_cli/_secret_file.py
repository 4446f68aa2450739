"""A file that is complete or absent. It is created before its content exists, so that errors come
first."""

import contextlib
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import final

from ._failure import fail

__all__ = ["SecretFile"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@final
class SecretFile:
    """A new file with this mode. Leaving the with statement deletes it unless write() succeeded.

    With replace, an existing file stays unchanged until write() replaces it in one step.
    """

    def __init__(self, path: Path, *, replace: bool, mode: int = 0o600) -> None:
        self.path = path
        self._written = path
        self.is_kept = False
        if replace and path.exists() and not path.is_file():
            fail(f"{path} is not a regular file; nothing was created", 2)
        if replace:
            self._written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            self._file = os.open(self._written, _NEW, mode)
            os.fchmod(self._file, mode)
        except FileExistsError:
            fail(f"{path} exists; nothing was created. Pass --force to replace it", 2)
        except OSError as error:
            fail(f"cannot write {path}: {error.strerror}; nothing was created", 9)

    def write(self, secret: str) -> None:
        """Write the secret to the disk and keep the file. Raises OSError."""
        left = memoryview(secret.encode())
        while left:
            left = left[os.write(self._file, left) :]
        os.fsync(self._file)
        if self._written != self.path:
            os.replace(self._written, self.path)
        self.is_kept = True
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            # Some file systems do not support this. The secret is already in its place.
            with contextlib.suppress(OSError):
                os.fsync(directory)
        finally:
            os.close(directory)

    def __enter__(self) -> "SecretFile":
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        os.close(self._file)
        if not self.is_kept:
            with contextlib.suppress(OSError):
                self._written.unlink()
