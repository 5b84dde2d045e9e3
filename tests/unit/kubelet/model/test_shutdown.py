"""Shutdown."""

from __future__ import annotations

from kubelet.model.decision import Ending
from kubelet.model.shutdown import shutdown_groups

PLAIN = {"metadata": {"name": "a"}}
CRITICAL = {"spec": {"priority": 2_000_000_000}}
ENDED = {"status": {"phase": "Succeeded"}}


def test_critical_pods_have_the_last_part() -> None:
    groups = shutdown_groups([CRITICAL, PLAIN, ENDED], 30, 10)
    assert [(list(group.pods), group.grace_s) for group in groups] == [([PLAIN], 20), ([CRITICAL], 10)]
    message = "Pod was terminated in response to imminent node shutdown."
    assert groups[0].ending == Ending("Terminated", message, 20)


def test_nobody_is_there_and_no_time_is_left() -> None:
    assert shutdown_groups([ENDED], 30, 10) == []
    assert [group.grace_s for group in shutdown_groups([PLAIN, CRITICAL], 5, 10)] == [0, 5]
