from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from runtime.shim.cri_log import LONGEST_CONTENT, LogLines, emit_time

NOW = 1_700_000_000_123_456_789
HEAD = b"2023-11-14T22:13:20.123456789Z stdout "


def test_lines() -> None:
    lines = LogLines("stdout")
    assert lines.feed(b"one\ntw", NOW) == HEAD + b"F one\n"
    assert lines.feed(b"o\n\nrest", NOW) == HEAD + b"F two\n" + HEAD + b"F \n"
    assert lines.end(NOW) == HEAD + b"F rest\n"
    assert lines.end(NOW) == b""
    assert emit_time(1) == b"1970-01-01T00:00:00.000000001Z"


def test_a_long_line_comes_in_parts() -> None:
    lines = LogLines("stdout")
    long = b"x" * (2 * LONGEST_CONTENT + 5)
    found = lines.feed(long, NOW) + lines.feed(b"\n", NOW)
    entries = [entry.removeprefix(HEAD) for entry in found.splitlines()]
    assert [(entry[:1], len(entry) - 2) for entry in entries] == [
        (b"P", LONGEST_CONTENT), (b"P", LONGEST_CONTENT), (b"F", 5),
    ]  # fmt: skip


@given(st.lists(st.binary(max_size=40_000), max_size=4))
def test_nothing_is_lost_however_it_is_cut(pieces: list[bytes]) -> None:
    lines = LogLines("stderr")
    log = b"".join(lines.feed(piece, NOW) for piece in pieces) + lines.end(NOW)
    found = re.compile(rb"\S+ stderr ([PF]) ([^\n]*)\n").findall(log)
    assert b"".join(text + (b"\n" if tag == b"F" else b"") for tag, text in found).removesuffix(
        b"\n"
    ) == b"".join(pieces).removesuffix(b"\n")
    assert all(len(text) <= LONGEST_CONTENT for _, text in found)
