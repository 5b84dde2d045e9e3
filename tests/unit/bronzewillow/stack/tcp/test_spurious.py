from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.spurious import Episode

MS = 1_000


@pytest.fixture
def episode() -> Episode:
    """Positions [5000, 7000) left again at 100 ms."""
    episode = Episode()
    episode.begin(5_000)
    episode.on_retransmit(5_000, 6_000, 100 * MS)
    episode.on_retransmit(6_000, 7_000, 101 * MS)
    return episode


def test_before_anything_left_again_nothing_can_be_told() -> None:
    episode = Episode()
    episode.begin(0)
    assert not episode.is_spurious(1_000, 5, (0, 1_000))


def test_an_echo_from_before(episode: Episode) -> None:
    assert not episode.is_spurious(5_500, 99, None)  # covers a part of the first
    assert episode.is_spurious(6_000, 99, None) and not episode.is_open


def test_only_the_first_acknowledgment_tells(episode: Episode) -> None:
    assert not episode.is_spurious(6_000, 100, None)
    assert not episode.is_spurious(7_000, 99, None)


def test_without_timestamps_nothing_is_concluded(episode: Episode) -> None:
    assert not episode.is_spurious(6_000, None, None)


def test_dsacks_of_everything(episode: Episode) -> None:
    assert not episode.is_spurious(9_000, None, (6_000, 7_000))
    assert episode.is_spurious(9_000, None, (5_000, 6_000))


def test_older_duplicates_do_not_count(episode: Episode) -> None:
    assert not episode.is_spurious(9_000, None, (0, 4_000))


def test_a_round_trip_after_the_recovery_it_is_settled(episode: Episode) -> None:
    episode.on_left(9_000)
    assert not episode.is_spurious(9_000, None, (5_000, 6_000)) and episode.is_open
    assert not episode.is_spurious(9_001, None, None) and not episode.is_open
