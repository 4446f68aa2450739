"""The headers of an answer. The native module makes them when they are asked for, since a Mapping
brings a module along that a program which asks for none need not pay for."""

from collections.abc import Iterator, Mapping

__all__ = ["Headers"]


class Headers(Mapping[str, str]):
    """Names and values of headers, as a Mapping that does not tell capital letters from small.

    The values show only where they are asked for: one may be a cookie.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, str]) -> None:
        # Their names are in small letters already.
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower() if isinstance(name, str) else name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._fields)}>"
