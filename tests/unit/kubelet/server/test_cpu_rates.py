"""Cores in use."""

from __future__ import annotations

from kubelet.server.cpu_rates import CpuRates, CpuSample

SECOND = 1_000_000_000


def look(rates: CpuRates, at_s: int, used_s: float) -> int | None:
    return rates.look({"c": CpuSample(at_s * SECOND, int(used_s * SECOND))}).get("c")


def test_over_five_seconds_at_least() -> None:
    rates = CpuRates()
    assert look(rates, 0, 10) is None
    assert look(rates, 4, 12) is None
    assert look(rates, 10, 15) == SECOND // 2
    assert look(rates, 12, 17) == SECOND // 2
    assert look(rates, 20, 35) == 2 * SECOND


def test_a_counter_that_begins_anew_is_no_debt() -> None:
    rates = CpuRates()
    look(rates, 0, 10)
    assert look(rates, 10, 1) == 0


def test_who_has_gone_is_forgotten() -> None:
    rates = CpuRates()
    look(rates, 0, 10)
    look(rates, 10, 15)
    assert rates.look({}) == {}
    assert look(rates, 20, 20) is None
