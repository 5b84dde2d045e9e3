from __future__ import annotations

import pytest

from bronzewillow.wire import seqnum

TOP = 0xFFFFFFFF


@pytest.mark.rfc("9293:3.4")
def test_order_across_the_wrap() -> None:
    assert seqnum.lt(TOP, 0)
    assert seqnum.gt(0, TOP)
    assert seqnum.le(TOP, 5) and not seqnum.ge(TOP, 5)
    assert not seqnum.lt(7, 7) and not seqnum.gt(7, 7)
    assert seqnum.le(7, 7) and seqnum.ge(7, 7)


def test_diff_is_signed() -> None:
    assert seqnum.diff(3, TOP) == 4
    assert seqnum.diff(TOP, 3) == -4
    assert seqnum.diff(0x80000000, 0) == -0x80000000
    assert seqnum.diff(0x7FFFFFFF, 0) == 0x7FFFFFFF


def test_add_wraps_both_ways() -> None:
    assert seqnum.add(TOP, 2) == 1
    assert seqnum.add(1, -2) == TOP


def test_window_across_the_wrap() -> None:
    assert seqnum.in_window(TOP, TOP, 1)
    assert seqnum.in_window(1, TOP, 3)
    assert not seqnum.in_window(2, TOP, 3)
    assert not seqnum.in_window(TOP - 1, TOP, 3)
    assert not seqnum.in_window(5, 5, 0)
