from __future__ import annotations

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kubelet.certificates.rotation import RetryDelay, renewal_instant

from .conftest import NOW


@given(st.integers(), st.integers(min_value=60, max_value=10**9))
def test_renewal_is_between_70_and_90_percent_of_its_life(seed: int, life_s: int) -> None:
    life = timedelta(seconds=life_s)
    elapsed = (renewal_instant(NOW, NOW + life, Random(seed)) - NOW) / life
    assert 0.699 < elapsed < 0.901


def test_nodes_that_joined_together_renew_apart() -> None:
    instants = {renewal_instant(NOW, NOW + timedelta(days=365), Random(seed)) for seed in range(20)}
    assert len(instants) == 20


def test_waits_double_to_half_a_minute() -> None:
    delay = RetryDelay(Random(1))
    waits = [delay.next().total_seconds() for _ in range(7)]
    for wait, base in zip(waits, [2, 4, 8, 16, 32, 32, 32], strict=True):
        assert base <= wait < base * 1.1
    delay.reset()
    assert delay.next().total_seconds() < 2.2
