"""One probe of one running container. k/k pkg/kubelet/prober/worker.go."""

from __future__ import annotations

from kubelet.model.actions import ProbeKind
from kubelet.model.outcomes import ProbeResult
from kubelet.model.pod_spec import Object, integer
from kubelet.model.times import SECOND


class ProbeWorker:
    """Ticks each period; a result counts after its threshold in a row.

    `verdict` is None while nothing is known: readiness is then not given, and liveness is.
    """

    def __init__(self, kind: ProbeKind, probe: Object, first_tick: int, verdict: bool | None = None) -> None:
        """`verdict`: what is known of this container from before."""
        self.kind = kind
        self.probe = probe
        self.verdict = verdict
        self.is_held = False
        """After a liveness or startup failure: until there is another container."""
        self.is_probing = False
        self.attempts = 0
        self._tick = first_tick
        self._last: bool | None = None
        self._in_a_row = 0

    @property
    def period(self) -> int:
        """Microseconds from one probe to the next."""
        return max(1, integer(self.probe.get("periodSeconds"), 10)) * SECOND

    @property
    def timeout_s(self) -> int:
        """Seconds that one attempt may take."""
        return max(1, integer(self.probe.get("timeoutSeconds"), 1))

    @property
    def is_success(self) -> bool:
        """Whether the container passes."""
        return self.verdict if self.verdict is not None else self.kind is ProbeKind.LIVENESS

    @property
    def is_failure(self) -> bool:
        """Whether the container is to be restarted: liveness or startup failed."""
        return self.is_held

    def due(self, now: int, *, running_since: int, is_started: bool) -> bool:
        """Whether to probe now. Passes the tick when it is not."""
        if not self._is_active(is_started) or now < self._tick:
            return False
        self._tick += -(-(now + 1 - self._tick) // self.period) * self.period
        delay = max(0, integer(self.probe.get("initialDelaySeconds"))) * SECOND
        if self.is_probing or now - running_since < delay:
            return False
        self.is_probing = True
        self.attempts += 1
        return True

    def next_timeout(self, *, is_started: bool) -> int | None:
        """The next tick that could do something."""
        return self._tick if self._is_active(is_started) else None

    def hurry(self, now: int) -> None:
        """Tick at once: a readiness probe whose container has started."""
        self._tick = min(self._tick, now)

    def finish(self, result: ProbeResult) -> None:
        """An attempt has ended. One that could not be tried changes nothing."""
        self.is_probing = False
        if result is ProbeResult.UNKNOWN or self.is_held:
            return
        is_success = result in (ProbeResult.SUCCESS, ProbeResult.WARNING)
        self._in_a_row = self._in_a_row + 1 if is_success is self._last else 1
        self._last = is_success
        if self._in_a_row < self._threshold(is_success):
            return
        self.verdict = is_success
        self.is_held = not is_success and self.kind is not ProbeKind.READINESS

    def _threshold(self, is_success: bool) -> int:
        if is_success:
            return max(1, integer(self.probe.get("successThreshold"), 1))
        return max(1, integer(self.probe.get("failureThreshold"), 3))

    def _is_active(self, is_started: bool) -> bool:
        return not self.is_held and is_started is not (self.kind is ProbeKind.STARTUP)
