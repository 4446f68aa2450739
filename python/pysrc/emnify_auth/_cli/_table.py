"""Chooses the columns of a table and their widths, so that no text is cut off on a narrow
terminal: long texts continue on the next line, and less important columns are left out."""

from collections.abc import Sequence

from rich.cells import cell_len

__all__ = ["GAP", "fitting"]

GAP = 2
"""The space between two columns."""

# The widths below which a column's text is hard to read, and below which it is not squeezed as
# long as other columns can be left out. Columns that are not listed keep the width of their text.
_COMFORTABLE = {"DESCRIPTION": 24, "ADDRESS": 18, "FINDINGS": 22, "BY": 12, "REASON": 24}
_LEAST = {"DESCRIPTION": 11, "ADDRESS": 9, "EXPIRES": 10, "FINDINGS": 22, "BY": 8, "REASON": 12}
_NARROWEST = 4
# The columns to leave out before others are squeezed, and when others cannot be squeezed further.
_OPTIONAL = ("BY", "CREATED")
_LESS_IMPORTANT = ("ADDRESS", "STATUS", "EXPIRES")


def fitting(
    headings: Sequence[str], rows: Sequence[Sequence[str]], screen: int
) -> list[tuple[int, int]]:
    """Return the number and the width of each column to show."""
    widths = {
        heading: max(cell_len(heading), *(cell_len(row[number]) for row in rows), 0)
        for number, heading in enumerate(headings)
    }

    def floors(least: dict[str, int]) -> dict[str, int]:
        return {name: min(width, least.get(name, width)) for name, width in widths.items()}

    def excess(of: dict[str, int]) -> int:
        return sum(of.values()) + GAP * (len(of) - 1) - screen

    for optional, least in ((_OPTIONAL, _COMFORTABLE), (_LESS_IMPORTANT, _LEAST)):
        for name in optional:
            if name in widths and excess(floors(least)) > 0:
                del widths[name]
    for floor in (floors(_COMFORTABLE), floors(_LEAST), dict.fromkeys(widths, _NARROWEST)):
        while excess(widths) > 0:
            name = max(widths, key=lambda name: (widths[name] > floor[name], widths[name]))
            if widths[name] <= floor[name]:
                break
            widths[name] -= 1
    return [(number, widths[name]) for number, name in enumerate(headings) if name in widths]
