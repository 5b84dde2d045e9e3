"""Times as Kubernetes writes them: RFC 3339 in UTC, whole seconds (Time) or six digits (MicroTime)."""

from __future__ import annotations

from datetime import UTC, datetime


def emit_time(moment: datetime) -> str:
    """As the API has it, metav1.Time: `2025-01-01T00:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def emit_micro_time(moment: datetime) -> str:
    """metav1.MicroTime: `2025-01-01T00:00:00.000000Z`, always with six digits."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Either form, or any other of RFC 3339 (nanoseconds are cut to microseconds); ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r}: no time zone")
    return moment.astimezone(UTC)
