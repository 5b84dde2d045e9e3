"""The whole status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.container_status import ContainerView
from kubelet.model.decision import NodeFacts, Refusal
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedSandbox
from kubelet.model.pod_spec import Kind
from kubelet.model.pod_status import PodView, own_status, pod_status, refused_status

FACTS = NodeFacts("mac-1", ("2001:db8::1", "192.0.2.2"), "runm")
POD: dict[str, Any] = {"metadata": {"name": "p", "generation": 3}, "spec": {"containers": [{"name": "a"}]}}
RUNNING = ObservedContainer("c0", "a", 0, ContainerState.RUNNING, "s0", 1, started_ns=1)
CONTAINER = ContainerView({"name": "a"}, Kind.APP, RUNNING, None, None, True, True)
VIEW = PodView(
    POD, {}, ObservedSandbox("s0", 0, True, 1, ("10.0.0.9", "fd00::9")), [CONTAINER], has_ended=False
)


def test_addresses_in_the_order_of_the_nodes_families() -> None:
    status = pod_status(VIEW, FACTS, 0)
    assert (status["hostIP"], status["podIP"]) == ("2001:db8::1", "fd00::9")
    assert status["podIPs"] == [{"ip": "fd00::9"}, {"ip": "10.0.0.9"}]
    assert status["hostIPs"] == [{"ip": "2001:db8::1"}, {"ip": "192.0.2.2"}]


def test_an_address_stays_when_the_sandbox_has_gone() -> None:
    told = pod_status(VIEW, FACTS, 0)
    later = pod_status(replace(VIEW, old=told, sandbox=None), FACTS, 9)
    assert (later["podIP"], later["startTime"]) == (told["podIP"], told["startTime"])
    assert later["observedGeneration"] == 3


def test_a_terminal_phase_is_told_when_nothing_can_run_and_never_changes() -> None:
    ended = replace(RUNNING, state=ContainerState.EXITED)
    pod = {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}
    view = replace(VIEW, pod=pod, views=[replace(CONTAINER, current=ended)], old={"phase": "Running"})
    before = pod_status(view, FACTS, 0)
    assert before["phase"] == "Running"
    ready = next(one for one in before["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "PodCompleted"
    after = pod_status(replace(view, has_ended=True), FACTS, 0)
    assert after["phase"] == "Succeeded"
    assert pod_status(replace(VIEW, old=after), FACTS, 0)["phase"] == "Succeeded"


def test_why_it_was_ended_is_told_at_the_end() -> None:
    view = replace(VIEW, reason="Evicted", message="low on memory", is_disrupted=True)
    during = pod_status(view, FACTS, 0)
    assert "reason" not in during
    assert during["conditions"][-1]["type"] == "DisruptionTarget"
    after = pod_status(replace(view, has_ended=True), FACTS, 0)
    assert (after["phase"], after["reason"], after["message"]) == ("Failed", "Evicted", "low on memory")


def test_refused() -> None:
    status = refused_status(POD, {}, Refusal("OutOfpods", "Node is full"), 0)
    assert (status["phase"], status["reason"]) == ("Failed", "OutOfpods")
    assert status["message"] == "Pod was rejected: Node is full"


def test_what_is_others_stays_theirs() -> None:
    theirs = {"type": "example.dev/lb", "status": "True"}
    ours = {"type": "Ready", "status": "True"}
    pod = {"status": {"phase": "Running", "conditions": [ours, theirs], "nominatedNodeName": "x"}}
    assert own_status(pod) == {"phase": "Running", "conditions": [ours]}


def test_a_static_pod_with_a_bad_quantity_has_a_class() -> None:
    pod = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "lots"}}}]}}
    assert pod_status(replace(VIEW, pod=pod), FACTS, 0)["qosClass"] == "BestEffort"
