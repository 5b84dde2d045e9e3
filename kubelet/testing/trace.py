"""A pod's status as lines, and a trace of those that change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubelet.model.decision import PodEvent
from kubelet.model.times import SECOND


def status_lines(status: Mapping[str, Any]) -> dict[str, str]:
    """What a status says, by what it says it of. Times are left out."""
    lines = {"phase": f"phase {status.get('phase')}{_why(status)}"}
    if "podIP" in status:
        lines["ip"] = f"podIP {status['podIP']}"
    lines["qos"] = f"qosClass {status.get('qosClass')}"
    for field in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(field, []):
            lines[f"container {one['name']}"] = _container_line(one)
    for one in status.get("conditions", []):
        lines[f"condition {one['type']}"] = f"{one['type']} {one['status']}{_why(one)}"
    return lines


class Trace:
    """Of one pod."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._last: dict[str, str] = {}
        self._time = -1

    def status(self, status: Mapping[str, Any], now: int) -> None:
        """One that was written."""
        lines = status_lines(status)
        for key, line in lines.items():
            if self._last.get(key) != line:
                self._add(line, now)
        for key in self._last.keys() - lines.keys():
            self._add(f"{key} is gone", now)
        self._last = lines

    def event(self, event: PodEvent, now: int) -> None:
        """One that was recorded."""
        self._add(f"  event {event.type} {event.reason}: {event.message}", now)

    def note(self, text: str, now: int) -> None:
        """Something that happens from outside."""
        self._add(f"* {text}", now)

    def text(self) -> str:
        """All of it."""
        return "\n".join(self._lines) + "\n"

    def _add(self, line: str, now: int) -> None:
        stamp = f"{now / SECOND:9.3f}" if now != self._time else " " * 9
        self._time = now
        self._lines.append(f"{stamp}  {line}")


def _container_line(one: Mapping[str, Any]) -> str:
    parts = [_state(one["state"])]
    if one["lastState"]:
        parts.append(f"before {_state(one['lastState'])}")
    parts.append(f"restarts {one['restartCount']}")
    parts.extend(word for word in ("started", "ready") if one[word])
    return f"{one['name']}: {', '.join(parts)}"


def _state(state: Mapping[str, Any]) -> str:
    ((name, value),) = state.items()
    if name == "terminated":
        return f"terminated {value['exitCode']}{_why(value)}"
    return f"{name}{_why(value)}"


def _why(value: Mapping[str, Any]) -> str:
    parts = list(_words(value))
    return f" {': '.join(parts)}" if parts else ""


def _words(value: Mapping[str, Any]) -> Iterator[str]:
    for key in ("reason", "message"):
        if value.get(key):
            yield value[key]
