"""Lines of a log file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubelet.server.log_lines import LineFilter, LogLine, parse_line
from kubelet.server.log_options import LogOptions, parse_time_ns

LINES = [
    b"2026-01-01T00:00:01.000000000Z stdout F one",
    b"2026-01-01T00:00:02.000000000Z stderr F two",
    b"2026-01-01T00:00:03.000000000Z stdout P thr",
    b"2026-01-01T00:00:03.000000001Z stdout F ee",
    b"rubbish",
    b"2026-01-01T00:00:04.000000000Z stdout F:extra four",
]


def shown(options: LogOptions) -> bytes:
    lines = LineFilter(options)
    return b"".join(lines.show(line) for line in LINES)


def test_a_line() -> None:
    assert parse_line(LINES[0]) == LogLine(b"2026-01-01T00:00:01.000000000Z", b"stdout", False, b"one\n")
    assert parse_line(LINES[4]) is None
    assert parse_line(b"t stdout F") is None


def test_partial_lines_are_joined() -> None:
    assert shown(LogOptions()) == b"one\ntwo\nthree\nfour\n"


def test_timestamps_stand_before_whole_lines() -> None:
    assert b"\n2026-01-01T00:00:03.000000000Z three\n2026" in shown(LogOptions(timestamps=True))


def test_one_stream() -> None:
    assert shown(LogOptions(stream="stderr")) == b"two\n"


def test_since() -> None:
    since = parse_time_ns("2026-01-01T00:00:02Z")
    assert shown(LogOptions(since_ns=since)) == b"two\nthree\nfour\n"


def test_a_limit_cuts_in_the_middle_of_a_line() -> None:
    lines = LineFilter(LogOptions(limit_bytes=6))
    assert b"".join(lines.show(line) for line in LINES) == b"one\ntw"
    assert lines.is_satisfied


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_lines_or_nothing(raw: list[bytes]) -> None:
    lines = LineFilter(LogOptions(timestamps=True, since_ns=1))
    for line in raw:
        lines.show(line)
