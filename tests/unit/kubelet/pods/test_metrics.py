"""Metrics by a kubelet's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from kubelet.model.actions import CreateSandbox, Probe, ProbeKind, RemoveSandbox, StartContainer
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Failed, Made, Outcome, Probed, ProbeResult
from kubelet.model.pod_spec import SOURCE_ANNOTATION
from kubelet.pods.metrics import PodMetrics, RunningPods

from ..conftest import Pod, pod

SECOND = 1_000_000
PROBE = Probe("llm", "c1", ProbeKind.READINESS, 1, {})
START = "kubelet_pod_start_duration_seconds"


def probes(metrics: PodMetrics, result: str) -> float | None:
    labels = {
        "probe_type": "Readiness", "result": result, "container": "llm", "pod": "tiny",
        "namespace": "default", "pod_uid": "u1",
    }  # fmt: skip
    return metrics.probe_registry.get_sample_value("prober_probe_total", labels)


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (Probed(ProbeResult.SUCCESS), "successful"),
        (Probed(ProbeResult.WARNING), "successful"),
        (Probed(ProbeResult.FAILURE), "failed"),
        (Failed("no door"), "unknown"),
    ],
)
def test_probes_are_counted_by_result(outcome: Outcome, result: str) -> None:
    metrics = PodMetrics()
    for _ in range(2):
        metrics.on_outcome(pod(), PROBE, outcome, 0.25)
    assert probes(metrics, result) == 2
    labels = {"probe_type": "Readiness", "container": "llm", "pod": "tiny", "namespace": "default"}
    value, name = metrics.probe_registry.get_sample_value, "prober_probe_duration_seconds"
    assert (value(f"{name}_count", labels), value(f"{name}_sum", labels)) == (2, 0.5)


def test_starts_and_their_errors() -> None:
    metrics = PodMetrics()
    made = pod(initContainers=[{"name": "first", "image": "i"}])
    for action, outcome in (
        (CreateSandbox(0), Made("s1")),
        (CreateSandbox(1), Failed("no network")),
        (StartContainer("first", "c0"), Done()),
        (StartContainer("llm", "c1"), Failed("no memory", "RunContainerError")),
        (StartContainer("llm", "c1"), Done()),
    ):
        metrics.on_outcome(made, action, outcome, 1.0)
    value = metrics.registry.get_sample_value
    assert (value("kubelet_started_pods_total"), value("kubelet_started_pods_errors_total")) == (1, 1)
    for kind in ("init_container", "container"):
        assert value("kubelet_started_containers_total", {"container_type": kind}) == 1
    labels = {"container_type": "container", "code": "RunContainerError"}
    assert value("kubelet_started_containers_errors_total", labels) == 1


def test_syncs_and_evictions() -> None:
    metrics = PodMetrics()
    metrics.on_sync(0.5, is_first=True)
    metrics.on_sync(0.25, is_first=False)
    metrics.on_eviction("memory.available")
    value, name = metrics.registry.get_sample_value, "kubelet_pod_worker_duration_seconds_sum"
    assert value(name, {"operation_type": "create"}) == 0.5
    assert value(name, {"operation_type": "sync"}) == 0.25
    assert b'\nkubelet_evictions{eviction_signal="memory.available"} 1.0\n' in generate_latest(
        metrics.registry
    )


def test_nothing_stays_of_a_pod_that_is_gone() -> None:
    metrics = PodMetrics()
    metrics.on_outcome(pod(), PROBE, Probed(ProbeResult.SUCCESS), 0.1)
    metrics.on_outcome(pod(), PROBE, Probed(ProbeResult.FAILURE), 0.1)
    metrics.on_outcome(pod("other", "u2"), PROBE, Probed(ProbeResult.SUCCESS), 0.1)
    metrics.on_outcome(pod(), RemoveSandbox("s1"), Done(), 0.1)
    metrics.forget("u1")
    left = [one for family in metrics.probe_registry.collect() for one in family.samples]
    assert {one.labels["pod"] for one in left} == {"other"}


def test_from_the_first_sight_of_a_pod_until_it_runs() -> None:
    metrics = PodMetrics()
    metrics.on_status("u1", "Pending", 0)
    metrics.on_status("u1", "Pending", 3 * SECOND)
    metrics.on_status("u1", "Running", 4 * SECOND)
    metrics.on_status("u1", "Running", 9 * SECOND)
    metrics.on_status("failed", "Pending", 0)
    metrics.on_status("failed", "Failed", SECOND)
    metrics.on_status("found running", "Running", SECOND)
    metrics.on_status("gone", "Pending", SECOND)
    metrics.forget("gone")
    metrics.on_status("gone", "Running", SECOND)
    value = metrics.registry.get_sample_value
    assert (value(f"{START}_count"), value(f"{START}_sum")) == (1, 4)
    assert (value(f"{START}_bucket", {"le": "3.0"}), value(f"{START}_bucket", {"le": "4.0"})) == (0, 1)


@dataclass
class Worker:
    observed: ObservedPod | None
    pod: Pod = field(default_factory=pod)
    status: dict[str, str] = field(default_factory=dict)


def test_what_runs() -> None:
    def observed(*, is_ready: bool, state: ContainerState) -> ObservedPod:
        sandbox = ObservedSandbox("s1", 0, is_ready, 1)
        return ObservedPod(0, (sandbox,), (ObservedContainer("c1", "llm", 0, state, "s1", 1),))

    workers: Any = {
        "u1": Worker(observed(is_ready=True, state=ContainerState.RUNNING)),
        "u2": Worker(observed(is_ready=False, state=ContainerState.EXITED)),
        "u3": Worker(None, status={"phase": "Failed"}),
        "u4": Worker(None, {"metadata": {"annotations": {SOURCE_ANNOTATION: "file"}}}),
    }
    registry = CollectorRegistry()
    registry.register(RunningPods("mac-1", workers))
    value = registry.get_sample_value
    assert value("kubelet_node_name", {"node": "mac-1"}) == 1
    assert value("kubelet_running_pods") == 1
    states = {
        state.value: value("kubelet_running_containers", {"container_state": state})
        for state in ContainerState
    }
    for static, desired, active in (("", 3, 2), ("true", 1, 1)):
        assert value("kubelet_desired_pods", {"static": static}) == desired
        assert value("kubelet_active_pods", {"static": static}) == active
    assert states == {"created": 0, "running": 1, "exited": 1, "unknown": 0}
