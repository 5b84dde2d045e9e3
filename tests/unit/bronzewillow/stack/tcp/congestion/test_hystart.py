from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.congestion.hystart import HyStart


class Rounds:
    """Feeds rounds of eight samples each."""

    def __init__(self) -> None:
        self.hystart = HyStart()
        self.una = 0

    def round(self, rtt: int, samples: int = 8) -> HyStart:
        nxt = self.una + 1000
        for _ in range(samples):
            self.hystart.on_rtt(rtt, self.una, nxt)
        self.una = nxt
        return self.hystart


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.mark.rfc("9406:4.2")
def test_a_round_trip_that_has_grown_slows_growth_to_a_quarter(rounds: Rounds) -> None:
    assert rounds.round(40_000).growth(8_000) == 8_000
    assert rounds.round(44_999).growth(8_000) == 8_000  # the threshold is an eighth: 5 ms
    assert rounds.round(44_999 + 5_624).growth(8_000) == 2_000


@pytest.mark.rfc("9406:4.3")
@pytest.mark.parametrize(("base", "threshold"), [(1_000, 4_000), (80_000, 10_000), (400_000, 16_000)])
def test_the_threshold_has_bounds(rounds: Rounds, base: int, threshold: int) -> None:
    rounds.round(base)
    assert rounds.round(base + threshold - 1).growth(8) == 8
    again = Rounds()
    again.round(base)
    assert again.round(base + threshold).growth(8) == 2


@pytest.mark.rfc("9406:4.2")
def test_five_rounds_of_conservative_slow_start_end_it(rounds: Rounds) -> None:
    rounds.round(20_000)
    for _ in range(5):
        assert not rounds.round(30_000).is_done
    assert rounds.round(30_000).is_done


@pytest.mark.rfc("9406:4.2")
def test_a_round_trip_that_has_shrunk_again_was_jitter(rounds: Rounds) -> None:
    rounds.round(20_000)
    rounds.round(30_000)
    rounds.round(29_999)
    assert rounds.hystart.growth(8_000) == 8_000
    for _ in range(10):
        rounds.round(29_999)
    assert not rounds.hystart.is_done


@pytest.mark.rfc("9406:4.2")
def test_seven_samples_prove_nothing(rounds: Rounds) -> None:
    rounds.round(20_000)
    rounds.round(90_000, samples=7)
    assert rounds.hystart.growth(8) == 8


def test_the_least_of_a_round_counts(rounds: Rounds) -> None:
    rounds.round(20_000)
    for rtt in (90_000, 20_500, *[90_000] * 8):
        rounds.hystart.on_rtt(rtt, rounds.una, rounds.una + 1000)
    assert rounds.hystart.growth(8) == 8
