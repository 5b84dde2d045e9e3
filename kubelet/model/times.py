"""Times as the API and Go write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
"""In microseconds, as Instants and `wall` count."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799 * SECOND
"""The end of the year 9999."""


def rfc3339(wall: int) -> str:
    """The API's Time: `2025-01-01T00:00:00Z`."""
    return _at(wall).strftime("%Y-%m-%dT%H:%M:%SZ")


def of_ns(nanoseconds: int) -> str | None:
    """A time of CRI; None for 0, which is never."""
    return rfc3339(nanoseconds // 1000) if nanoseconds > 0 else None


def parse_rfc3339(text: object) -> int | None:
    """Microseconds since 1970; None for what is not a time."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time - _EPOCH) // timedelta(microseconds=1) if time.tzinfo is not None else None


def go_duration(microseconds: int) -> str:
    """As Go's Duration.String, of something that is not negative: `1m20s`, `5m0s`, `1.5s`, `20ms`, `0s`."""
    if microseconds == 0:
        return "0s"
    if microseconds < 1000:
        return f"{microseconds}µs"
    if microseconds < SECOND:
        return f"{_trimmed(microseconds, 1000)}ms"
    minutes, rest = divmod(microseconds, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_trimmed(rest, SECOND)}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _trimmed(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = str(fraction).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _at(wall: int) -> datetime:
    return _EPOCH + timedelta(microseconds=max(0, min(wall, _LAST)))
