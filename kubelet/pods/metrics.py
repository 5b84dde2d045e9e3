"""The kubelet's own metrics of its pods, by a kubelet's names. k/k pkg/kubelet/metrics/metrics.go."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kubelet.model.actions import Action, Probe
from kubelet.model.observed import ContainerState
from kubelet.model.outcomes import Outcome, Probed, ProbeResult
from kubelet.model.pod_spec import Object, name, namespace, uid
from kubelet.model.times import SECOND
from kubelet.pods.worker import PodWorker

disable_created_metrics()  # type: ignore[no-untyped-call]

_START_BUCKETS_S = (
    0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700,
    3600,
)  # fmt: skip
_AS_COUNTED = {ProbeResult.WARNING: ProbeResult.SUCCESS}
"""A warning lets a probe pass."""


class PodMetrics:
    """Of one node: what /metrics shows is in `registry`, what /metrics/probes shows in `probe_registry`."""

    def __init__(self) -> None:
        self.registry, self.probe_registry = CollectorRegistry(), CollectorRegistry()
        self._starts = Histogram(
            "kubelet_pod_start_duration_seconds",
            "Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run",
            buckets=_START_BUCKETS_S,
            registry=self.registry,
        )
        self._probes = Counter(
            "prober_probe_total",
            "Cumulative number of a liveness, readiness or startup probe for a container by result.",
            ("probe_type", "result", "container", "pod", "namespace", "pod_uid"),
            registry=self.probe_registry,
        )
        self._counted: dict[str, set[tuple[str, ...]]] = {}
        """Labels of probes, by UID of their pod."""
        self._pending: dict[str, int] = {}
        """The Instant at which a pod that does not run yet was first seen, by UID."""

    def on_status(self, pod_uid: str, phase: object, now: int) -> None:
        """It is in that phase now."""
        if phase == "Pending":
            self._pending.setdefault(pod_uid, now)
            return
        seen = self._pending.pop(pod_uid, None)
        if seen is not None and phase == "Running":
            self._starts.observe((now - seen) / SECOND)

    def on_outcome(self, pod: Object, action: Action, outcome: Outcome) -> None:
        """An action has been done, or has failed; only probes count."""
        if isinstance(action, Probe):
            result = outcome.result if isinstance(outcome, Probed) else ProbeResult.UNKNOWN
            labels = (
                action.kind.value.capitalize(),
                _AS_COUNTED.get(result, result).value,
                action.container,
                name(pod),
                namespace(pod),
                uid(pod),
            )
            self._probes.labels(*labels).inc()
            self._counted.setdefault(uid(pod), set()).add(labels)

    def forget(self, pod_uid: str) -> None:
        """Nothing is left of it."""
        self._pending.pop(pod_uid, None)
        for labels in self._counted.pop(pod_uid, ()):
            self._probes.remove(*labels)


class RunningPods(Collector):
    """What there is, looked at when somebody asks."""

    def __init__(self, node_name: str, pods: Mapping[str, PodWorker]) -> None:
        """`pods` by UID."""
        self._node_name, self._pods = node_name, pods

    def collect(self) -> Iterator[Metric]:
        """As of the workers' last looks."""
        node = GaugeMetricFamily(
            "kubelet_node_name", "The node's name. The count is always 1.", labels=["node"]
        )
        node.add_metric([self._node_name], 1)
        observed = [worker.observed for worker in self._pods.values() if worker.observed is not None]
        running = sum(any(sandbox.is_ready for sandbox in one.sandboxes) for one in observed)
        yield node
        yield GaugeMetricFamily(
            "kubelet_running_pods", "Number of pods that have a running pod sandbox", value=running
        )
        tally = Tally(container.state for one in observed for container in one.containers)
        containers = GaugeMetricFamily(
            "kubelet_running_containers", "Number of containers by state", labels=["container_state"]
        )
        for state in ContainerState:
            containers.add_metric([state.value], tally[state])
        yield containers
