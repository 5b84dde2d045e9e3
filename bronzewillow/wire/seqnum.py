"""Sequence number arithmetic modulo 2**32 (RFC 9293 3.4).

Comparisons hold for numbers less than 2**31 apart; at exactly 2**31 each of the two is `lt` the other,
as RFC 1982 3.2 leaves it undefined.
"""

from __future__ import annotations

_HALF = 0x80000000
_MASK = 0xFFFFFFFF


def diff(a: int, b: int) -> int:
    """a - b as a signed number, -2**31 <= diff < 2**31."""
    return ((a - b + _HALF) & _MASK) - _HALF


def add(a: int, n: int) -> int:
    """a + n; n may be negative."""
    return (a + n) & _MASK


def lt(a: int, b: int) -> bool:
    return ((a - b) & _MASK) >= _HALF


def le(a: int, b: int) -> bool:
    return a == b or ((a - b) & _MASK) >= _HALF


def gt(a: int, b: int) -> bool:
    return ((b - a) & _MASK) >= _HALF


def ge(a: int, b: int) -> bool:
    return a == b or ((b - a) & _MASK) >= _HALF


def in_window(seq: int, start: int, size: int) -> bool:
    """start <= seq < start + size; false for size 0."""
    return ((seq - start) & _MASK) < size
