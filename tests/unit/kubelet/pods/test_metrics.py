"""Metrics by a kubelet's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from kubelet.model.actions import Probe, ProbeKind, RemoveSandbox
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Failed, Outcome, Probed, ProbeResult
from kubelet.pods.metrics import PodMetrics, RunningPods

from ..conftest import pod

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
        metrics.on_outcome(pod(), PROBE, outcome)
    assert probes(metrics, result) == 2


def test_nothing_stays_of_a_pod_that_is_gone() -> None:
    metrics = PodMetrics()
    metrics.on_outcome(pod(), PROBE, Probed(ProbeResult.SUCCESS))
    metrics.on_outcome(pod("other", "u2"), PROBE, Probed(ProbeResult.SUCCESS))
    metrics.on_outcome(pod(), RemoveSandbox("s1"), Done())
    metrics.forget("u1")
    left = [one for family in metrics.probe_registry.collect() for one in family.samples]
    assert [one.labels["pod_uid"] for one in left] == ["u2"]


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


def test_what_runs() -> None:
    def observed(*, is_ready: bool, state: ContainerState) -> ObservedPod:
        sandbox = ObservedSandbox("s1", 0, is_ready, 1)
        return ObservedPod(0, (sandbox,), (ObservedContainer("c1", "llm", 0, state, "s1", 1),))

    workers: Any = {
        "u1": Worker(observed(is_ready=True, state=ContainerState.RUNNING)),
        "u2": Worker(observed(is_ready=False, state=ContainerState.EXITED)),
        "u3": Worker(None),
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
    assert states == {"created": 0, "running": 1, "exited": 1, "unknown": 0}
