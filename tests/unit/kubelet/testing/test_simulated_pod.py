"""A pod that is driven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelet.model.times import SECOND
from kubelet.testing.simulated_pod import SimulatedPod, merged_status
from kubelet.testing.virtual_time import VirtualTime
from kubelet.testing.world import World

POD = {
    "metadata": {"name": "p", "uid": "u"},
    "spec": {"containers": [{"name": "a", "image": "m:1"}]},
    "status": {"phase": "Pending"},
}


def new(lag: int = 0) -> tuple[SimulatedPod, VirtualTime, list[Mapping[str, Any]]]:
    time = VirtualTime()
    seen: list[Mapping[str, Any]] = []
    pod = SimulatedPod(
        POD, World(), time, lambda _, status: seen.append(status), lambda *_: None, lag=lambda: lag
    )
    pod.start_agent()
    return pod, time, seen


def test_it_runs_is_deleted_and_finished() -> None:
    for lag in (0, SECOND):
        pod, time, seen = new(lag)
        time.run(20 * SECOND)
        assert seen[-1]["phase"] == "Running"
        pod.delete(5)
        time.run(60 * SECOND)
        assert pod.is_finished
        assert pod.api is None
        assert pod.runtime.observe().sandboxes == ()


def test_without_an_agent_nothing_is_written() -> None:
    pod, time, seen = new()
    time.run(20 * SECOND)
    pod.kill_agent()
    count = len(seen)
    pod.runtime.kill("a", 1)
    time.run(40 * SECOND)
    assert len(seen) == count
    pod.start_agent()
    time.run(60 * SECOND)
    assert seen[-1]["containerStatuses"][0]["restartCount"] == 1


def test_the_object_is_removed_while_the_agent_is_down() -> None:
    pod, time, _ = new()
    time.run(20 * SECOND)
    pod.kill_agent()
    pod.delete(0)
    pod.start_agent()
    time.run(60 * SECOND)
    assert pod.is_finished


def test_the_api_server_keeps_what_is_others() -> None:
    theirs = {"type": "example.dev/lb", "status": "True"}
    ours = {"type": "Ready", "status": "True"}
    pod = {"status": {"phase": "Running", "conditions": [ours, theirs], "nominatedNodeName": "x"}}
    assert merged_status(pod, {"phase": "Failed", "conditions": [ours]}) == {
        "phase": "Failed",
        "conditions": [ours, theirs],
        "nominatedNodeName": "x",
    }
