"""What an owner may set, and what a kubelet's defaults are."""

from __future__ import annotations

import pytest

from kubelet.model.thresholds import (
    Amount,
    EvictionSettings,
    Signal,
    Threshold,
    ThresholdError,
    amount_text,
    configured,
    duration_of,
    eviction_settings,
)
from kubelet.model.times import SECOND


def least(settings: EvictionSettings) -> dict[str, str]:
    return {one.signal.value: amount_text(one.least) for one in settings.thresholds}


def test_a_kubelets_defaults() -> None:
    assert eviction_settings() == EvictionSettings()
    assert least(EvictionSettings()) == {
        "memory.available": "100Mi",
        "nodefs.available": "10%",
        "nodefs.inodesFree": "5%",
        "imagefs.available": "15%",
        "imagefs.inodesFree": "5%",
        "pid.available": "10%",
    }


def test_what_is_given_is_laid_over_them() -> None:
    settings = eviction_settings(" memory.available<2Gi , nodefs.available<0%,imagefs.available<100%")
    assert least(settings) == {
        "memory.available": "2Gi",
        "nodefs.inodesFree": "5%",
        "imagefs.inodesFree": "5%",
        "pid.available": "10%",
    }
    assert [one.is_default for one in settings.thresholds] == [False, True, True, True]


def test_soft_ones_have_a_grace_and_both_a_reclaim() -> None:
    settings = eviction_settings(
        "", "memory.available<4Gi", "memory.available=1m30s", "memory.available=1Gi", 20, 60 * SECOND
    )
    reclaim = Amount(1 << 30)
    assert settings.thresholds[:2] == (
        Threshold(Signal.MEMORY, Amount(100 << 20), 0, reclaim, is_default=True),
        Threshold(Signal.MEMORY, Amount(4 << 30), 90 * SECOND, reclaim),
    )
    assert (settings.thresholds[0].is_hard, settings.thresholds[1].is_hard) == (True, False)
    assert (settings.most_grace_s, settings.transition) == (20, 60 * SECOND)
    shown = configured(settings)
    assert shown["evictionSoft"] == {"memory.available": "4Gi"}
    assert shown["evictionSoftGracePeriod"] == {"memory.available": "90s"}
    assert shown["evictionMinimumReclaim"] == {"memory.available": "1Gi"}
    assert shown["evictionPressureTransitionPeriod"] == "60s"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hard": "memory<1Gi"}, "--eviction-hard: there is no signal 'memory', but memory.available, "),
        ({"hard": "memory.available"}, "--eviction-hard: 'memory.available' is not of the form "),
        ({"hard": "memory.available<1Gi,memory.available<2Gi"}, "memory.available is there twice"),
        ({"hard": "memory.available<lots"}, "--eviction-hard: 'lots' is not a quantity"),
        ({"hard": "memory.available<-1"}, "'-1' is less than nothing"),
        ({"hard": "memory.available<101%"}, "'101%' is not a part of 0% to 100%"),
        ({"hard": "memory.available<nan%"}, "'nan%' is not a part"),
        ({"hard": "memory.available<x%"}, "'x%' is not a part"),
        ({"soft": "nodefs.available<20%"}, "--eviction-soft-grace-period nodefs.available=1m30s"),
        ({"soft_grace": "memory.available=soon"}, "'soon' is not a time such as 30s or 1m30s"),
        ({"minimum_reclaim": "memory.available<1Gi"}, "--eviction-minimum-reclaim: "),
    ],
)
def test_what_cannot_be_read(options: dict[str, str], words: str) -> None:
    with pytest.raises(ThresholdError) as found:
        eviction_settings(**options)  # type: ignore[arg-type]
    assert words in str(found.value)


def test_times() -> None:
    assert duration_of("--x", "1h2m3s") == 3723 * SECOND
    for text in ("", "0s", "5", "-1s", "1m" * 20):
        with pytest.raises(ThresholdError):
            duration_of("--x", text)


def test_what_a_signal_is_about() -> None:
    assert {one.condition for one in Signal} == {"MemoryPressure", "DiskPressure", "PIDPressure"}
    assert {one.resource for one in Signal} == {"memory", "ephemeral-storage", "inodes", "pids"}
    assert Amount(share=0.5).of(7) == 3
    assert Amount(5).of(7) == 5
