"""Formats dates and durations, and escapes text for a terminal."""

import datetime

__all__ = ["clean", "date", "duration", "iso"]


def clean(text: str) -> str:
    """Escape control characters and line breaks. Descriptions come from other people and could
    contain escape codes for the terminal."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def date(at: datetime.datetime, *, zone: bool = False) -> str:
    """Format a time in UTC, with or without the name of the zone. Midnight is shown as the date
    alone."""
    at = at.astimezone(datetime.timezone.utc)
    if (at.hour, at.minute, at.second) == (0, 0, 0):
        return f"{at:%Y-%m-%d}"
    return f"{at:%Y-%m-%d %H:%M}" + (" UTC" if zone else "")


def iso(at: datetime.datetime | None) -> str | None:
    """Format a time in ISO 8601, in UTC."""
    if at is None:
        return None
    return at.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Format a duration, rounded to one unit: "59 min"."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds > 1.95 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
