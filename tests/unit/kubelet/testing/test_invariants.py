"""The watcher sees what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod
from kubelet.model.times import SECOND
from kubelet.testing.invariants import END_LIMIT, Broken, Watcher

STATUS: dict[str, Any] = {
    "phase": "Running",
    "startTime": "2025-01-01T00:00:00Z",
    "podIP": "10.0.0.9",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [{"name": "a", "restartCount": 2}],
}


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({"phase": "Failed"}, {}, "Failed became Running"),
        ({}, {"phase": "Pending"}, "is Pending"),
        ({}, {"startTime": "2026-01-01T00:00:00Z"}, "startTime moved"),
        ({}, {"containerStatuses": [{"name": "a", "restartCount": 1}]}, "from 2 to 1"),
        ({}, {"containerStatuses": []}, "from 2 to None"),
        ({}, {"podIP": ""}, "without an address"),
    ],
)
def test_a_status_that_goes_back(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    watcher = Watcher("p")
    watcher.status({**STATUS, **before})
    with pytest.raises(Broken, match=what):
        watcher.status({**STATUS, **after})


def test_what_runs_twice_or_after_the_end() -> None:
    runs = [ObservedContainer(f"c{index}", "a", index, ContainerState.RUNNING, "s", 1) for index in range(2)]
    watcher = Watcher("p")
    watcher.runtime(ObservedPod(0, containers=(runs[0],)))
    with pytest.raises(Broken, match="runs twice"):
        watcher.runtime(ObservedPod(0, containers=tuple(runs)))
    watcher.status({**STATUS, "phase": "Succeeded"})
    with pytest.raises(Broken, match="is Succeeded"):
        watcher.runtime(ObservedPod(0, containers=(runs[0],)))


def test_a_deletion_that_does_not_end() -> None:
    watcher = Watcher("p")
    watcher.deletion(30, 0)
    due = 30 * SECOND + END_LIMIT
    watcher.check_end(False, due)
    watcher.check_end(True, due + 1)
    with pytest.raises(Broken, match="has not ended"):
        watcher.check_end(False, due + 1)
    watcher.excuse(due)
    watcher.check_end(False, due + 1)
