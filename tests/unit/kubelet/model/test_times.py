"""Times."""

from __future__ import annotations

import pytest

from kubelet.model.times import SECOND, go_duration, of_ns, parse_rfc3339, rfc3339

_2025 = 1_735_689_600 * SECOND


def test_the_apis_time_has_whole_seconds() -> None:
    assert rfc3339(_2025 + 999_999) == "2025-01-01T00:00:00Z"
    assert (of_ns(0), of_ns(_2025 * 1000)) == (None, "2025-01-01T00:00:00Z")


@pytest.mark.parametrize("wall", [-5, 2**63])
def test_a_wrong_clock_is_no_error(wall: int) -> None:
    assert len(rfc3339(wall)) == 20


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("2025-01-01T00:00:00Z", _2025),
        ("2025-01-01T01:00:00.5+01:00", _2025 + SECOND // 2),
        ("2025-01-01T00:00:00", None),
        ("soon", None),
        (7, None),
    ],
)
def test_reading(text: object, wall: int | None) -> None:
    assert parse_rfc3339(text) == wall


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0s"),
        (7, "7µs"),
        (20_000, "20ms"),
        (1_500, "1.5ms"),
        (1_234_000, "1.234s"),
        (10 * SECOND, "10s"),
        (80 * SECOND, "1m20s"),
        (300 * SECOND, "5m0s"),
        (3601 * SECOND, "1h0m1s"),
    ],
)
def test_durations_are_gos(duration: int, text: str) -> None:
    assert go_duration(duration) == text
