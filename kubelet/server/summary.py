"""/stats/summary: the node and its pods in one JSON object. Pure.

Source: kubernetes/kubelet, pkg/apis/stats/v1alpha1/types.go. What is not measured is left out, not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kubelet.server.surroundings import NodeUsage, PodDisk
from kubelet.server.usage import ContainerUsage, PodUsage

_LOOPBACKS = ("lo", "lo0")


def stats_summary(
    name: str,
    node: NodeUsage,
    pods: Sequence[PodUsage],
    disks: Mapping[str, PodDisk],
    image_bytes: int | None,
    *,
    only_cpu_and_memory: bool,
) -> dict[str, Any]:
    """The whole object. `disks` by pod UID. `image_bytes`: what images take; None where that is not known."""
    time = _time(node.time_ns)
    found: dict[str, Any] = {
        "nodeName": name,
        "startTime": _time(int(node.booted_s * 1e9)),
        "cpu": {
            "time": time,
            "usageNanoCores": int(node.cpu_cores * 1e9),
            "usageCoreNanoSeconds": int(node.cpu_seconds * 1e9),
        },
        "memory": {
            "time": time,
            "availableBytes": node.memory_available_bytes,
            "usageBytes": node.memory_used_bytes,
            "workingSetBytes": node.memory_used_bytes,
        },
        "swap": {
            "time": time,
            "swapAvailableBytes": node.swap_available_bytes,
            "swapUsageBytes": node.swap_used_bytes,
        },
    }
    if not only_cpu_and_memory:
        disk = _disk(node, node.disk_used_bytes, node.files - node.files_free)
        found["network"] = _network(node)
        found["fs"] = disk
        found["runtime"] = {"containerFs": disk}
        if image_bytes is not None:
            found["runtime"]["imageFs"] = _disk(node, image_bytes)
        found["rlimit"] = {"time": time, "curproc": node.processes}
        if node.most_processes is not None:
            found["rlimit"]["maxpid"] = node.most_processes
    shown = [_pod(node, pod, disks.get(pod.uid, PodDisk()), only_cpu_and_memory) for pod in pods]
    return {"node": found, "pods": shown}


def _pod(node: NodeUsage, pod: PodUsage, disk: PodDisk, only_cpu_and_memory: bool) -> dict[str, Any]:
    started = [one.started_ns for one in pod.containers if one.started_ns]
    time = _time(pod.time_ns)
    found: dict[str, Any] = {
        "podRef": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "startTime": _time(min(started, default=pod.time_ns)),
        "containers": [_container(node, one, disk, only_cpu_and_memory) for one in pod.containers],
        "cpu": _cpu(time, pod.cpu_ns, pod.cpu_nano_cores),
        "memory": _memory(time, pod.memory_bytes),
    }
    if not only_cpu_and_memory:
        found["process_stats"] = {"process_count": pod.processes}
        found["volume"] = [{"name": name, **_disk(node, used)} for name, used in sorted(disk.volumes.items())]
        layers = sum(one.disk_bytes for one in pod.containers)
        used_bytes = layers + sum(disk.logs.values()) + sum(disk.volumes.values())
        found["ephemeral-storage"] = _disk(node, used_bytes)
    return found


def _container(
    node: NodeUsage, one: ContainerUsage, disk: PodDisk, only_cpu_and_memory: bool
) -> dict[str, Any]:
    time = _time(one.time_ns)
    found: dict[str, Any] = {
        "name": one.name,
        "startTime": _time(one.started_ns or one.time_ns),
        "cpu": _cpu(time, one.cpu_ns, one.cpu_nano_cores),
        "memory": _memory(time, one.memory_bytes),
    }
    if not only_cpu_and_memory:
        found["rootfs"] = _disk(node, one.disk_bytes)
        found["logs"] = _disk(node, disk.logs.get(one.name, 0))
    return found


def _cpu(time: str, used_ns: int, nano_cores: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"time": time, "usageCoreNanoSeconds": used_ns}
    return found if nano_cores is None else {**found, "usageNanoCores": nano_cores}


def _memory(time: str, used_bytes: int) -> dict[str, Any]:
    return {"time": time, "usageBytes": used_bytes, "workingSetBytes": used_bytes, "rssBytes": used_bytes}


def _disk(node: NodeUsage, used_bytes: int, files_used: int | None = None) -> dict[str, Any]:
    found = {
        "time": _time(node.time_ns),
        "availableBytes": node.disk_available_bytes,
        "capacityBytes": node.disk_capacity_bytes,
        "usedBytes": used_bytes,
    }
    if node.files:  # some file systems do not count them
        found |= {"inodes": node.files, "inodesFree": node.files_free}
        found |= {} if files_used is None else {"inodesUsed": files_used}
    return found


def _network(node: NodeUsage) -> dict[str, Any]:
    """The interface with the most traffic is the one that the node itself is told of."""
    interfaces = [
        {
            "name": one.name,
            "rxBytes": one.received_bytes,
            "rxErrors": one.received_errors,
            "txBytes": one.sent_bytes,
            "txErrors": one.sent_errors,
        }
        for one in node.interfaces
    ]
    busiest = max(interfaces, key=lambda one: (one["name"] not in _LOOPBACKS, one["rxBytes"]), default={})
    return {"time": _time(node.time_ns), **busiest, "interfaces": interfaces}


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
