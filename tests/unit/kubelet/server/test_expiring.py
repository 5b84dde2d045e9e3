"""Answers that hold for a while."""

from __future__ import annotations

from kubelet.server.expiring import Expiring


def test_an_entry_ends() -> None:
    known: Expiring[str, int] = Expiring()
    known.put("a", 1, 10.0, 100.0)
    assert known.get("a", 109.9) == 1
    assert known.get("a", 110.0) is None
    assert len(known) == 0


def test_strangers_cannot_make_it_grow() -> None:
    known: Expiring[int, int] = Expiring(most=3)
    for number in range(10):
        known.put(number, number, 10.0, 0.0)
    assert len(known) == 3
    assert [known.get(number, 1.0) for number in (6, 7, 8, 9)] == [None, 7, 8, 9]


def test_the_last_word_counts() -> None:
    known: Expiring[str, int] = Expiring(most=2)
    for value in (1, 2):
        known.put("a", value, 10.0, 0.0)
    assert (known.get("a", 5.0), len(known)) == (2, 1)
