from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bronzewillow.kube.times import emit_micro_time, emit_time, parse_time

MOMENT = datetime(2025, 1, 2, 3, 4, 5, 60, tzinfo=UTC)


def test_both_forms() -> None:
    assert emit_time(MOMENT) == "2025-01-02T03:04:05Z"
    assert emit_micro_time(MOMENT) == "2025-01-02T03:04:05.000060Z"
    assert emit_micro_time(MOMENT.replace(microsecond=0)) == "2025-01-02T03:04:05.000000Z"


def test_other_zones_become_utc() -> None:
    assert emit_time(MOMENT.astimezone(timezone(timedelta(hours=2)))) == "2025-01-02T03:04:05Z"


@pytest.mark.parametrize(
    "text",
    ["2025-01-02T03:04:05.000060Z", "2025-01-02T04:04:05.000060+01:00", "2025-01-02T03:04:05.000060789Z"],
)
def test_parse(text: str) -> None:
    assert parse_time(text) == MOMENT


@pytest.mark.parametrize("text", ["", "yesterday", "2025-01-02T03:04:05"])
def test_no_time(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
