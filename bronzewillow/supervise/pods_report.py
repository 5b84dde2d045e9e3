"""The pods of a node for people: values in, lines out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from bronzewillow.agent.report import table

Json = dict[str, Any]
_HEAD = (
    "POD", "ADDRESS", "CONTAINER", "MODEL", "STATE", "RESTARTS", "MEMORY", "TOKENS/S", "RUNNING", "WAITING",
)  # fmt: skip


def pods_lines(pods: Sequence[Json]) -> list[str]:
    """A table with a line for each container; then what pods wait for, what those that ended said last, and
    how a program of this machine reaches what the others serve.
    """
    if not pods:
        return ["no pods are run here"]
    containers = [(pod["name"], one["name"], one) for pod in pods for one in pod["containers"]]
    ended = [(pod, name, said) for pod, name, one in containers if (said := _last_line(one["message"]))]
    serving = [(pod, name, one["socket"]) for pod, name, one in containers if one["state"] == "serving"]
    lines = table(_HEAD, [row for pod in pods for row in _rows(pod)])
    if waiting := [(pod["name"], pod["waiting"]) for pod in pods if pod["waiting"]]:
        lines += ["", *table(("POD", "WAITING"), waiting)]
    if ended:
        lines += ["", *table(("POD", "CONTAINER", "MESSAGE"), ended)]
    if serving:
        lines += ["", *table(("POD", "CONTAINER", "SOCKET"), serving)]
    return lines


def _rows(pod: Json) -> Iterator[tuple[object, ...]]:
    address = pod["address"] or "-"
    if not pod["containers"]:
        yield pod["name"], address, "-", "-", "no container" if pod["ready"] else "stopped", *"-----"
    for one in pod["containers"]:
        yield (
            pod["name"], address, one["name"], one["model"], _state(one), one["restarts"],
            f"{one['memory_bytes'] / 2**20:.0f} MiB" if one["memory_bytes"] else "-",
            f"{one['tokens_per_s']:.1f}" if one["tokens_per_s"] else "-",
            *("-" if one[key] is None else one[key] for key in ("requests_running", "requests_waiting")),
        )  # fmt: skip


def _state(container: Json) -> str:
    in_s = container["restarts_in_s"]
    return f"{container['state']}, again in {math.ceil(in_s)} s" if in_s else str(container["state"])


def _last_line(message: str) -> str:
    lines = [line for line in message.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
