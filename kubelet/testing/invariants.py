"""What must hold of every pod, whatever happens."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from kubelet.model.observed import ObservedPod
from kubelet.model.pod_spec import is_terminal, objects
from kubelet.model.times import SECOND

END_LIMIT = 90 * SECOND
"""Beyond its grace, for a deletion to end."""


class Broken(AssertionError):
    """An invariant does not hold."""


class Watcher:
    """Of one pod."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: dict[str, Any] = {}
        self._deleted: int | None = None
        self._started: set[str] = set()

    def status(self, status: Mapping[str, Any]) -> None:
        """One that was written: it does not go back."""
        last = self._last
        if is_terminal(last.get("phase")) and status["phase"] != last["phase"]:
            self._fail(f"phase {last['phase']} became {status['phase']}")
        if last.get("startTime", status["startTime"]) != status["startTime"]:
            self._fail("startTime moved")
        if last.get("phase") == "Running" and status["phase"] == "Pending":
            self._fail("a pod that ran is Pending")
        counts = _counts(status)
        for container, count in _counts(last).items():
            if counts.get(container, 0) < count:
                self._fail(f"restartCount of {container} went from {count} to {counts.get(container)}")
        ready = next(one for one in status["conditions"] if one["type"] == "Ready")
        if ready["status"] == "True" and not status.get("podIP"):
            self._fail("Ready without an address")
        self._last = copy.deepcopy(dict(status))

    def runtime(self, observed: ObservedPod) -> None:
        """What runs: no container twice, none after the pod's end."""
        running = [one.name for one in observed.containers if one.is_running]
        if len(running) != len(set(running)):
            self._fail(f"runs twice: {running}")
        if running and is_terminal(self._last.get("phase")):
            self._fail(f"{running} runs in a pod that is {self._last['phase']}")

    def deletion(self, grace_s: int, now: int) -> None:
        """It was asked for."""
        due = now + grace_s * SECOND + END_LIMIT
        self._deleted = due if self._deleted is None else min(self._deleted, due)

    def excuse(self, now: int) -> None:
        """The agent or the API server was away: a deletion has its time from now on."""
        if self._deleted is not None:
            self._deleted = max(self._deleted, now + END_LIMIT + 60 * SECOND)

    def check_end(self, is_finished: bool, now: int) -> None:
        """A deletion ends."""
        if self._deleted is not None and now > self._deleted and not is_finished:
            self._fail("a deletion has not ended")

    def _fail(self, what: str) -> None:
        raise Broken(f"pod {self._name}: {what}")


def _counts(status: Mapping[str, Any]) -> dict[str, int]:
    lists = ("initContainerStatuses", "containerStatuses")
    return {one["name"]: one["restartCount"] for field in lists for one in objects(status.get(field))}
