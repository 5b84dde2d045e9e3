"""The kubelet's own metrics of its pods, by a kubelet's names. k/k pkg/kubelet/metrics/metrics.go."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kubelet.model.actions import Action, CreateContainer, CreateSandbox, Probe, ProbeKind, StartContainer
from kubelet.model.observed import ContainerState
from kubelet.model.outcomes import Failed, Outcome, Probed, ProbeResult
from kubelet.model.pod_spec import (
    Kind,
    Object,
    containers,
    is_static,
    is_terminal,
    name,
    namespace,
    uid,
)
from kubelet.model.times import SECOND
from kubelet.pods.worker import PodWorker

disable_created_metrics()  # type: ignore[no-untyped-call]

_START_BUCKETS_S = (
    0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700,
    3600,
)  # fmt: skip
_PROBE_LABELS = ("probe_type", "container", "pod", "namespace")
_AS_COUNTED = {ProbeResult.WARNING: ProbeResult.SUCCESS}
"""A warning lets a probe pass."""


_ProbeKey = tuple[str, ProbeKind, ProbeResult]


@dataclass(frozen=True, slots=True)
class _ProbeSeries:
    """What is counted of a probe with one result."""

    labels: tuple[str, ...]
    count: Counter
    durations: Histogram


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
            (*_PROBE_LABELS, "result", "pod_uid"),
            registry=self.probe_registry,
        )
        self._durations = Histogram(
            "prober_probe_duration_seconds",
            "Duration in seconds for a probe response.",
            _PROBE_LABELS,
            registry=self.probe_registry,
        )
        self._evictions: Tally[str] = Tally()
        self.registry.register(_Evictions(self._evictions))
        self._pods = Counter(
            "kubelet_started_pods", "Cumulative number of pods started", registry=self.registry
        )
        self._pod_errors = Counter(
            "kubelet_started_pods_errors",
            "Cumulative number of errors when starting pods",
            registry=self.registry,
        )
        self._containers = Counter(
            "kubelet_started_containers",
            "Cumulative number of containers started",
            ("container_type",),
            registry=self.registry,
        )
        self._container_errors = Counter(
            "kubelet_started_containers_errors",
            "Cumulative number of errors when starting containers",
            ("container_type", "code"),
            registry=self.registry,
        )
        self._syncs = Histogram(
            "kubelet_pod_worker_duration_seconds",
            "Duration in seconds to sync a single pod: to look at it and to decide.",
            ("operation_type",),
            registry=self.registry,
        )
        self._counted: dict[str, dict[_ProbeKey, _ProbeSeries]] = {}
        """Of probes, by UID of their pod: to look them up by labels each time costs as much as a probe."""
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

    def on_outcome(self, pod: Object, action: Action, outcome: Outcome, seconds: float) -> None:
        """An action has been done, or has failed, after so long."""
        match action:
            case Probe():
                self._on_probe(pod, action, outcome, seconds)
            case CreateSandbox():
                (self._pod_errors if isinstance(outcome, Failed) else self._pods).inc()
            case CreateContainer() | StartContainer() if isinstance(outcome, Failed):
                self._container_errors.labels(_kind_of(pod, action.container), outcome.reason).inc()
            case StartContainer():
                self._containers.labels(_kind_of(pod, action.container)).inc()

    def on_sync(self, seconds: float, *, is_first: bool) -> None:
        """A pod was looked at, and it was decided what is to be done."""
        self._syncs.labels("create" if is_first else "sync").observe(seconds)

    def on_eviction(self, signal: str) -> None:
        """A pod gives way: what was short, `memory.available`, or over its limit, `emptydirfs.limit`."""
        self._evictions[signal] += 1

    def forget(self, pod_uid: str) -> None:
        """Nothing is left of it."""
        self._pending.pop(pod_uid, None)
        for series in self._counted.pop(pod_uid, {}).values():
            self._probes.remove(*series.labels)
            with suppress(KeyError):  # of one probe there are several results
                self._durations.remove(*series.labels[:4])

    def _on_probe(self, pod: Object, probe: Probe, outcome: Outcome, seconds: float) -> None:
        result = outcome.result if isinstance(outcome, Probed) else ProbeResult.UNKNOWN
        of_pod = self._counted.setdefault(uid(pod), {})
        key = probe.container, probe.kind, _AS_COUNTED.get(result, result)
        series = of_pod.get(key)
        if series is None:
            common = (probe.kind.value.capitalize(), probe.container, name(pod), namespace(pod))
            labels = (*common, key[2].value, uid(pod))
            series = of_pod[key] = _ProbeSeries(
                labels, self._probes.labels(*labels), self._durations.labels(*common)
            )
        series.count.inc()
        series.durations.observe(seconds)


class _Evictions(Collector):
    """A counter without `_total` in its name, as a kubelet has it; the library's always have it."""

    def __init__(self, found: Mapping[str, int]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """How many pods were evicted, by signal."""
        text = "Cumulative number of pod evictions by eviction signal"
        family = Metric("kubelet_evictions", text, "unknown")
        for signal, count in self._found.items():
            family.add_sample("kubelet_evictions", {"eviction_signal": signal}, count)
        yield family


def _kind_of(pod: Object, container: str) -> str:
    """As a kubelet's metrics have it."""
    is_init = any(one.get("name") == container for one in containers(pod, Kind.INIT))
    return "init_container" if is_init else "container"


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
        yield from self._wanted()

    def _wanted(self) -> Iterator[Metric]:
        desired = GaugeMetricFamily(
            "kubelet_desired_pods", "Number of pods the node is instructed to run", labels=["static"]
        )
        active = GaugeMetricFamily(
            "kubelet_active_pods", "Number of pods that have not ended, and hold resources", labels=["static"]
        )
        for told, wanted in (("true", True), ("", False)):
            mine = [one for one in self._pods.values() if is_static(one.pod) is wanted]
            desired.add_metric([told], len(mine))
            active.add_metric([told], sum(not is_terminal(one.status.get("phase")) for one in mine))
        yield from (desired, active)
