from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.supervise.lines import LONGEST_LINE_BYTES, Lines, NodeLog


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_any_cutting_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Lines(), Lines()
    expected = whole.feed(data) + whole.end()
    found = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        found += pieces.feed(data[begin:end])
    assert found + pieces.end() == expected


def test_a_line_without_an_end_is_cut() -> None:
    lines = Lines()
    found = lines.feed(b"x" * (2 * LONGEST_LINE_BYTES + 5))
    assert [len(line) for line in found] == [LONGEST_LINE_BYTES] * 2
    assert (lines.end(), lines.end()) == (["xxxxx"], [])


def test_nothing_steers_the_terminal() -> None:
    assert Lines().feed(b"a\x1b[2J\tb\xff\r\n") == ["a\ufffd[2J\tb\ufffd"]


def test_every_line_has_a_name() -> None:
    stream = io.StringIO()
    log = NodeLog(stream, ("up", "agent"), is_coloured=False)
    log.write("up", "one")
    log.write("agent", "two")
    assert stream.getvalue() == "up    | one\nagent | two\n"


def test_every_name_has_its_colour() -> None:
    stream = io.StringIO()
    log = NodeLog(stream, ("up", "agent"), is_coloured=True)
    log.write("up", "one")
    log.write("agent", "two")
    assert stream.getvalue() == "\033[36mup    |\033[0m one\n\033[35magent |\033[0m two\n"


def test_a_reader_that_has_gone_is_no_reason_to_end() -> None:
    stream = io.StringIO()
    log = NodeLog(stream, ("up",), is_coloured=False)
    stream.close()
    log.write("up", "one")
