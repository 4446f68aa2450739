"""Words for instants and spans of time, and texts of others made fit for a terminal."""

import datetime

__all__ = ["clean", "date", "duration", "iso"]


def clean(text: str) -> str:
    """Replace what a terminal would obey, and what breaks a line. Descriptions are written by
    others."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def date(at: datetime.datetime) -> str:
    """Write an instant in UTC; its time of day only where it has one."""
    at = at.astimezone(datetime.timezone.utc)
    if (at.hour, at.minute, at.second) == (0, 0, 0):
        return f"{at:%Y-%m-%d}"
    return f"{at:%Y-%m-%d %H:%M}"


def iso(at: datetime.datetime | None) -> str | None:
    """Write an instant for a machine."""
    if at is None:
        return None
    return at.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Write a span of time in one unit, which is enough for a person: "59 min"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds > 1.95 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
