"""A node as its pods' workers see it."""

from __future__ import annotations

from kubelet.pods.surroundings import now, wall


def test_both_times_are_microseconds() -> None:
    before = now()
    assert 0 <= now() - before < 10_000_000
    assert 1_700_000_000_000_000 < wall() < 4_000_000_000_000_000
