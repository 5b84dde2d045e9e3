"""/stats/summary: the node and its pods in one JSON object. Pure.

Source: kubernetes/kubelet, pkg/apis/stats/v1alpha1/types.go. What is not measured is left out, not zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kubelet.server.surroundings import NodeUsage
from kubelet.server.usage import ContainerUsage, PodUsage


def stats_summary(
    name: str,
    node: NodeUsage,
    pods: Sequence[PodUsage],
    image_bytes: int | None,
    *,
    only_cpu_and_memory: bool,
) -> dict[str, Any]:
    """The whole object. `image_bytes`: what images take, or None where it is not known."""
    found: dict[str, Any] = {
        "nodeName": name,
        "startTime": _time(int(node.booted_s * 1e9)),
        "cpu": {
            "time": _time(node.time_ns),
            "usageNanoCores": int(node.cpu_cores * 1e9),
            "usageCoreNanoSeconds": int(node.cpu_seconds * 1e9),
        },
        "memory": {
            "time": _time(node.time_ns),
            "availableBytes": node.memory_available_bytes,
            "usageBytes": node.memory_used_bytes,
            "workingSetBytes": node.memory_used_bytes,
        },
    }
    if not only_cpu_and_memory:
        disk = _disk(node, node.disk_used_bytes)
        found["network"] = {
            "time": _time(node.time_ns),
            "name": "",
            "rxBytes": node.received_bytes,
            "txBytes": node.sent_bytes,
        }
        found["fs"] = disk
        if image_bytes is not None:
            found["runtime"] = {"imageFs": _disk(node, image_bytes)}
    return {"node": found, "pods": [_pod(pod, only_cpu_and_memory) for pod in pods]}


def _pod(pod: PodUsage, only_cpu_and_memory: bool) -> dict[str, Any]:
    started = [one.started_ns for one in pod.containers if one.started_ns]
    found: dict[str, Any] = {
        "podRef": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "startTime": _time(min(started, default=pod.time_ns)),
        "containers": [_container(one, only_cpu_and_memory) for one in pod.containers],
        "cpu": {"time": _time(pod.time_ns), "usageCoreNanoSeconds": pod.cpu_ns},
        "memory": {"time": _time(pod.time_ns), "workingSetBytes": pod.memory_bytes},
    }
    if not only_cpu_and_memory:
        found["process_stats"] = {"process_count": pod.processes}
        disk_bytes = sum(one.disk_bytes for one in pod.containers)
        found["ephemeral-storage"] = {"time": _time(pod.time_ns), "usedBytes": disk_bytes}
    return found


def _container(one: ContainerUsage, only_cpu_and_memory: bool) -> dict[str, Any]:
    time = _time(one.time_ns)
    found: dict[str, Any] = {
        "name": one.name,
        "startTime": _time(one.started_ns or one.time_ns),
        "cpu": {"time": time, "usageCoreNanoSeconds": one.cpu_ns},
        "memory": {"time": time, "workingSetBytes": one.memory_bytes, "rssBytes": one.memory_bytes},
    }
    if not only_cpu_and_memory:
        found["rootfs"] = {"time": time, "usedBytes": one.disk_bytes}
    return found


def _disk(node: NodeUsage, used_bytes: int) -> dict[str, Any]:
    return {
        "time": _time(node.time_ns),
        "availableBytes": node.disk_available_bytes,
        "capacityBytes": node.disk_capacity_bytes,
        "usedBytes": used_bytes,
    }


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
