"""The Node, as the API has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubelet.model.node_conditions import node_conditions, stamped
from kubelet.model.node_facts import Image, Machine, NodeSettings, NodeState
from kubelet.model.node_resources import allocatable, capacity

_MOST_IMAGES = 50
_MOST_NAMES = 5
_GIB = 1 << 30


def node_object(state: NodeState, before: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """All of it; `before` is the Node as it was, of which times of transitions are kept."""
    settings = state.settings
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": settings.name,
            "labels": node_labels(state.machine, settings),
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": {
            "taints": [{"key": one.key, "value": one.value, "effect": one.effect} for one in settings.taints]
        },
        "status": node_status(state, ((before or {}).get("status") or {}), now),
    }


def node_status(state: NodeState, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What is told every few minutes."""
    machine, settings = state.machine, state.settings
    amounts = capacity(machine, settings.pods)
    conditions = node_conditions(state, amounts)
    return {
        "addresses": [
            *({"type": "InternalIP", "address": address} for address in state.addresses),
            {"type": "Hostname", "address": settings.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": settings.port}},
        "capacity": amounts,
        "allocatable": allocatable(machine, settings.pods),
        "nodeInfo": {
            "machineID": machine.machine_id,
            "systemUUID": machine.system_uuid,
            "bootID": machine.boot_id,
            "kernelVersion": machine.kernel_version,
            "osImage": machine.os_image,
            "containerRuntimeVersion": f"{state.runtime.name}://{state.runtime.version}",
            "kubeletVersion": settings.version,
            "kubeProxyVersion": "",
            "operatingSystem": machine.operating_system,
            "architecture": machine.architecture,
        },
        "images": node_images(state.images),
        "conditions": stamped(conditions, before.get("conditions") or (), now),
    }


def node_labels(machine: Machine, settings: NodeSettings) -> dict[str, str]:
    """What the machine is. `kubernetes.io/os: darwin` keeps what is made for Linux away from it."""
    known = {
        "kubernetes.io/hostname": settings.name,
        "kubernetes.io/os": machine.operating_system,
        "kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": machine.operating_system,
        "beta.kubernetes.io/arch": machine.architecture,
        # without kube-proxy it is no way into the cluster
        "node.kubernetes.io/exclude-from-external-load-balancers": "true",
        "node.kubernetes.io/instance-type": label_value(machine.model),
        "bronzewillow.io/chip": label_value(machine.chip),
        "bronzewillow.io/gpu-cores": str(machine.gpu_cores) if machine.gpu_cores else "",
        "bronzewillow.io/memory-gib": str(round(machine.memory_bytes / _GIB)) if machine.memory_bytes else "",
    }
    return {**{key: value for key, value in known.items() if value}, **settings.labels}


def node_images(images: tuple[Image, ...]) -> list[dict[str, Any]]:
    """The largest fifty, for the scheduler to prefer nodes that have what a pod needs."""
    largest = sorted(images, key=lambda one: (-one.size_bytes, one.names))[:_MOST_IMAGES]
    return [{"names": list(one.names[:_MOST_NAMES]), "sizeBytes": one.size_bytes} for one in largest]


def label_value(text: str) -> str:
    """`Apple M2 Pro` as a label has it: Apple-M2-Pro. At most 63 characters, ends are no marks."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:63].strip("-_.")
