"""What the runtime was asked, and how long it took: by a kubelet's names.

kubernetes/kubernetes, pkg/kubelet/metrics/metrics.go and pkg/kubelet/kuberuntime/instrumented_services.go.
"""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_OPERATION_BUCKETS_S = tuple(0.005 * 2.5**power for power in range(14))
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class RuntimeMetrics:
    """Of one runtime; the only labels are CRI's calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        label, prefix = ("operation_type",), "kubelet_runtime_operations"
        self._calls = Counter(
            prefix, "Cumulative number of runtime operations by operation type.", label, registry=registry
        )
        self._errors = Counter(
            f"{prefix}_errors",
            "Cumulative number of runtime operation errors by operation type.",
            label,
            registry=registry,
        )
        self._durations = Histogram(
            f"{prefix}_duration_seconds",
            "Duration in seconds of runtime operations. Broken down by operation type.",
            label,
            buckets=_OPERATION_BUCKETS_S,
            registry=registry,
        )
        self._relists = Histogram(
            "kubelet_pleg_relist_duration_seconds",
            "Duration in seconds for relisting pods in PLEG.",
            registry=registry,
        )
        self._intervals = Histogram(
            "kubelet_pleg_relist_interval_seconds",
            "Interval in seconds between relisting in PLEG.",
            registry=registry,
        )
        self._last_seen = Gauge(
            "kubelet_pleg_last_seen_seconds",
            "Timestamp in seconds when PLEG was last seen active.",
            registry=registry,
        )

    def on_call(self, operation: str, seconds: float, *, is_error: bool) -> None:
        """CRI has answered, or has not. `operation`: of `operation_of`."""
        self._calls.labels(operation).inc()
        self._durations.labels(operation).observe(seconds)
        if is_error:
            self._errors.labels(operation).inc()

    def on_relist(self, seconds: float, since_last_s: float | None, wall_s: float) -> None:
        """All pods have been listed; `since_last_s`: None for the first time."""
        self._relists.observe(seconds)
        self._last_seen.set(wall_s)
        if since_last_s is not None:
            self._intervals.observe(since_last_s)


def operation_of(call: str) -> str:
    """`RunPodSandbox` is `run_podsandbox`, as in a kubelet's metrics."""
    return _WORD.sub("_", call).lower().replace("pod_sandbox", "podsandbox")
