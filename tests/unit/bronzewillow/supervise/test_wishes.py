from __future__ import annotations

import signal

from bronzewillow.supervise.wishes import Wishes


def test_the_first_asks_and_the_second_urges() -> None:
    wishes = Wishes()
    assert not wishes.is_urged(signal.SIGINT, 5.0)
    assert wishes.is_urged(signal.SIGINT, 5.5)
    assert wishes.is_urged(signal.SIGINT, 6.0)


def test_one_signal_to_the_process_and_to_its_group_is_one_wish() -> None:
    wishes = Wishes()
    assert not wishes.is_urged(signal.SIGINT, 5.0)
    assert not wishes.is_urged(signal.SIGINT, 5.05)
    assert wishes.is_urged(signal.SIGINT, 5.5)


def test_another_signal_is_another_wish_at_once() -> None:
    wishes = Wishes()
    assert not wishes.is_urged(signal.SIGINT, 5.0)
    assert wishes.is_urged(signal.SIGTERM, 5.0)
