"""A file that is complete or absent. It is created before its content exists, so that errors come
first."""

import contextlib
import os
import secrets
import sys
from pathlib import Path
from types import TracebackType
from typing import final

from ._failure import fail

__all__ = ["SecretFile"]


@final
class SecretFile:
    """A new file with this mode. Leaving the with statement deletes it unless write() succeeded.

    With replace, an existing file stays unchanged until write() replaces it in one step.
    """

    def __init__(self, path: Path, *, replace: bool, mode: int = 0o600) -> None:
        # A symbolic link stays, and its target is replaced.
        self._target = Path(os.path.realpath(path)) if replace else path
        self.path = path
        self._written = self._target
        self.is_kept = False
        if replace and path.exists() and not path.is_file():
            fail(f"{path} is not a regular file; nothing was created", 2)
        if replace:
            self._written = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}")

        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, mode)

        try:
            self._file = open(self._written, "xb", buffering=0, opener=opener)  # noqa: SIM115
            if sys.platform != "win32":
                os.fchmod(self._file.fileno(), mode)
        except FileExistsError:
            fail(f"{path} exists; nothing was created. Pass --force to replace it", 2)
        except OSError as error:
            fail(f"cannot write {path}: {error.strerror}; nothing was created", 9)

    def write(self, secret: str) -> None:
        """Write the secret to the disk and keep the file. Raises OSError."""
        left = memoryview(secret.encode())
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        # Windows neither renames an open file nor syncs a directory.
        self._file.close()
        if self._written != self._target:
            os.replace(self._written, self._target)
        self.is_kept = True
        if sys.platform == "win32":
            return
        # Some file systems and directories do not support this. The secret is already in its place.
        with contextlib.suppress(OSError):
            directory = os.open(self._target.parent, os.O_RDONLY)
            try:
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
        self._file.close()
        if not self.is_kept:
            with contextlib.suppress(OSError):
                self._written.unlink()
