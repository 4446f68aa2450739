"""The headers of a response. The native module imports this file only when a program reads
headers, because importing collections.abc takes time."""

from collections.abc import Iterator, Mapping

__all__ = ["Headers"]


class Headers(Mapping[str, str]):
    """A Mapping from header names to values. Upper and lower case are the same.

    repr() shows the names only, because a value may be a secret, such as a cookie.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, str]) -> None:
        # The names are already in lower case.
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower() if isinstance(name, str) else name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._fields)}>"
