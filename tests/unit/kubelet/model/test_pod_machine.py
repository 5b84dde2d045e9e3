"""One pod's life. Whole lives are in tests/sim/kubelet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.actions import (
    CreateSandbox,
    DeletePodObject,
    Probe,
    ProbeKind,
    SetUpVolumes,
    StopSandbox,
    TearDownVolumes,
)
from kubelet.model.decision import Ending, NodeFacts, Refusal
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Made, Probed, ProbeResult
from kubelet.model.pod_machine import PodMachine
from kubelet.model.pod_spec import orphan_pod
from kubelet.model.times import SECOND

FACTS = NodeFacts("mac-1", ("192.0.2.2",), "runm")
POD: dict[str, Any] = {
    "metadata": {"name": "p", "uid": "u"},
    "spec": {"containers": [{"name": "a", "image": "m:1"}]},
    "status": {"phase": "Pending"},
}
SANDBOX = ObservedSandbox("s0", 0, True, 1, ("10.0.0.9",))
RUNNING = ObservedContainer("c0", "a", 0, ContainerState.RUNNING, "s0", 1, started_ns=1)


def test_nothing_is_asked_of_a_runtime_that_was_not_looked_at() -> None:
    decision = PodMachine(POD).decide(FACTS, 0, 0)
    assert decision.actions == ()
    assert decision.status["phase"] == "Pending"


def test_an_observation_from_before_our_last_change_is_set_aside() -> None:
    machine = PodMachine(POD)
    machine.observe(ObservedPod(0))
    assert machine.decide(FACTS, 0, 0).actions == (SetUpVolumes(),)
    machine.finish(SetUpVolumes(), Done(), 1)
    assert machine.decide(FACTS, 0, 1).actions == (CreateSandbox(0),)
    machine.finish(CreateSandbox(0), Made("s0"), 5)
    machine.observe(ObservedPod(4))
    assert machine.decide(FACTS, 0, 6).actions == ()
    machine.observe(ObservedPod(5, (SANDBOX,)))
    assert machine.decide(FACTS, 0, 7).status["podIP"] == "10.0.0.9"
    machine.observe(ObservedPod(4))
    assert machine.decide(FACTS, 0, 8).actions == ()


def test_what_was_not_asked_for_is_set_aside() -> None:
    machine = PodMachine(POD)
    machine.finish(CreateSandbox(0), Made("s0"), 5)
    machine.observe(ObservedPod(0))
    assert machine.decide(FACTS, 0, 6).actions == (SetUpVolumes(),)


def test_a_refused_pod_is_failed_at_once_and_cleaned_up_when_deleted() -> None:
    machine = PodMachine(POD)
    machine.refuse(Refusal("OutOfmemory", "too large"))
    decision = machine.decide(FACTS, 0, 0)
    assert (decision.status["phase"], decision.status["reason"]) == ("Failed", "OutOfmemory")
    assert [event.reason for event in decision.events] == ["OutOfmemory"]
    machine.observe(ObservedPod(0))
    assert machine.decide(FACTS, 0, 0).actions == (TearDownVolumes(),)
    assert not machine.is_reclaimed
    machine.finish(TearDownVolumes(), Done(), 0)
    assert machine.decide(FACTS, 0, 0).actions == ()
    assert machine.is_reclaimed
    machine.desire({**POD, "metadata": {**POD["metadata"], "deletionTimestamp": "2025-01-01T00:00:00Z"}})
    assert machine.decide(FACTS, 0, 0).actions == (DeletePodObject(),)


def test_an_orphan_is_ended_and_forgotten() -> None:
    machine = PodMachine(orphan_pod("u", "p", "n"))
    machine.forget()
    machine.observe(ObservedPod(0, (SANDBOX,), (RUNNING,)))
    (stop,) = machine.decide(FACTS, 0, 0).actions
    assert (stop.container_id, stop.grace_s) == ("c0", 2)  # type: ignore[union-attr]
    machine.finish(stop, Done(), 0)
    exited = replace(RUNNING, state=ContainerState.EXITED)
    machine.observe(ObservedPod(0, (SANDBOX,), (exited,)))
    assert machine.decide(FACTS, 0, 0).actions == (StopSandbox("s0"),)


def test_a_finished_pod_of_before_stays_as_it_was_told() -> None:
    status = {
        "phase": "Succeeded",
        "startTime": "2025-01-01T00:00:00Z",
        "containerStatuses": [],
        "conditions": [],
    }
    machine = PodMachine({**POD, "status": status})
    machine.observe(ObservedPod(0))
    decision = machine.decide(FACTS, 0, 0)
    assert decision.status == status
    assert decision.actions == (TearDownVolumes(),)
    machine.end(Ending("Evicted", "x"))
    assert machine.decide(FACTS, 0, 0).status == status


def test_a_status_is_made_anew_when_it_shows_something_else() -> None:
    machine = PodMachine(POD)
    machine.observe(ObservedPod(0, (SANDBOX,), (RUNNING,)))
    first = machine.decide(FACTS, 0, 0).status
    machine.observe(ObservedPod(1, (SANDBOX,), (RUNNING,)))
    assert machine.decide(FACTS, 9 * SECOND, 1).status is first
    moved = machine.decide(replace(FACTS, host_ips=("192.0.2.3",)), 0, 2).status
    assert (first["hostIP"], moved["hostIP"]) == ("192.0.2.2", "192.0.2.3")
    machine.observe(ObservedPod(3, (SANDBOX,), (replace(RUNNING, state=ContainerState.EXITED),)))
    assert "terminated" in machine.decide(FACTS, 0, 3).status["containerStatuses"][0]["state"]


def test_a_probe_that_says_nothing_new_asks_for_no_decision_unless_the_pod_ends() -> None:
    probed = {"name": "a", "image": "m:1", "livenessProbe": {"periodSeconds": 10}}
    machine = PodMachine({**POD, "spec": {"containers": [probed]}})
    machine.observe(ObservedPod(0, (SANDBOX,), (RUNNING,)))

    def is_news(now: int, result: ProbeResult) -> bool:
        actions = machine.decide(FACTS, 0, now).actions
        (probe,) = [one for one in actions if isinstance(one, Probe)]
        if now == 40 * SECOND:
            machine.forget()
            machine.decide(FACTS, 0, now)
        return machine.finish(probe, Probed(result, ""), now)

    passed, failed = ProbeResult.SUCCESS, ProbeResult.FAILURE
    news = [is_news(10 * n * SECOND, one) for n, one in enumerate([passed, passed, failed, passed, passed])]
    assert news == [True, False, True, False, True]


def test_the_active_deadline_does_not_move_with_the_wall_clock() -> None:
    spec = {**POD["spec"], "activeDeadlineSeconds": 10}
    machine = PodMachine({**POD, "spec": spec})
    machine.observe(ObservedPod(0))
    machine.decide(FACTS, 1000 * SECOND, 0)
    assert machine.decide(FACTS, 1000 * SECOND, 1).next_timeout == 10 * SECOND + 1
    assert machine.decide(FACTS, 9000 * SECOND, 2).events == ()
    (event, *_) = machine.decide(FACTS, 1000 * SECOND, 11 * SECOND).events
    assert event.reason == "DeadlineExceeded"


def test_the_generation_is_noted_after_the_end_too() -> None:
    status = {"phase": "Failed", "observedGeneration": 1}
    machine = PodMachine({**POD, "status": status})
    machine.desire({**POD, "metadata": {**POD["metadata"], "generation": 2}})
    assert machine.decide(FACTS, 0, 0).status["observedGeneration"] == 2


def test_too_much_memory_is_told_as_out_of_memory() -> None:
    machine = PodMachine(POD)
    machine.observe(ObservedPod(0, (SANDBOX,), (RUNNING,)))
    machine.decide(FACTS, 0, 0)
    machine.kill_for_memory("a", "one that has ended")
    assert machine.decide(FACTS, 0, 0).actions == ()
    machine.kill_for_memory("a", "c0")
    decision = machine.decide(FACTS, 0, 0)
    (stop,) = decision.actions
    assert (stop.container_id, stop.grace_s) == ("c0", 2)  # type: ignore[union-attr]
    assert decision.events[0].message == "Container a exceeded its memory limit"
    machine.finish(stop, Done(), 1)
    exited = replace(RUNNING, state=ContainerState.EXITED, exit_code=143, reason="Error")
    machine.observe(ObservedPod(1, (SANDBOX,), (exited,)))
    (status,) = machine.decide(FACTS, 0, 1).status["containerStatuses"]
    ended = status["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


def test_ephemeral_containers_are_told_of_once() -> None:
    machine = PodMachine(POD)
    for _ in range(2):
        machine.desire({**POD, "spec": {**POD["spec"], "ephemeralContainers": [{"name": "debugger"}]}})
    (event,) = machine.decide(FACTS, 0, 0).events
    assert event.reason == "EphemeralContainerUnsupported"


def settled(**spec: Any) -> PodMachine:
    """It runs, and there is nothing to decide before the next probe, which is due at 10 s."""
    probe = {"httpGet": {"port": 80}, "periodSeconds": 10}
    container = {"name": "a", "image": "m:1", "readinessProbe": probe}
    machine = PodMachine({**POD, "spec": {"containers": [container], **spec}})
    machine.observe(ObservedPod(0, (SANDBOX,), (RUNNING,)))
    first, *_ = machine.decide(FACTS, 0, 0).actions
    machine.finish(first, Done(), 0)
    for action in machine.decide(FACTS, 0, 0).actions:
        assert isinstance(action, Probe)
    machine.finish(Probe("a", "c0", ProbeKind.READINESS, 1, probe, 1), Probed(ProbeResult.SUCCESS), 0)
    machine.decide(FACTS, 0, 0)
    assert machine.decide(FACTS, 0, 0).actions == ()
    return machine


def test_a_tick_of_a_probe_changes_no_status() -> None:
    machine = settled()
    before = machine.decide(FACTS, 0, 1)
    assert before.next_timeout == 10 * SECOND
    decision = machine.decide(FACTS, 0, 10 * SECOND)
    (probe,) = decision.actions
    assert isinstance(probe, Probe)
    assert decision.status is before.status
    assert decision.next_timeout == 20 * SECOND
    assert not machine.finish(probe, Probed(ProbeResult.SUCCESS), 11 * SECOND)
    assert len(machine.decide(FACTS, 0, 20 * SECOND).actions) == 1


def test_between_probes_the_node_may_change() -> None:
    machine = settled()
    moved = replace(FACTS, host_ips=("192.0.2.3",))
    assert machine.decide(moved, 0, 1).status["hostIP"] == "192.0.2.3"


def test_between_probes_other_things_fall_due() -> None:
    machine = settled(activeDeadlineSeconds=15)
    assert machine.decide(FACTS, 0, 10 * SECOND).next_timeout == 15 * SECOND
    (event, *_) = machine.decide(FACTS, 0, 15 * SECOND).events
    assert event.reason == "DeadlineExceeded"
