"""What there is to know of a node: the machine, how much of it pods may have, and what goes on right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Machine:
    """Does not change while it runs. What is not known is empty or 0."""

    operating_system: str
    """As Go names it: darwin, linux."""
    architecture: str
    """As Go names it: arm64, amd64."""
    chip: str
    """Such as `Apple M2 Pro`."""
    model: str
    """Such as `Mac14,12`."""
    cpus: int
    gpu_cores: int
    memory_bytes: int
    """Unified on a Mac: the GPU's is the same."""
    gpu_limit_bytes: int
    """The most that the GPU may wire, where an administrator has set it (`iogpu.wired_limit_mb`); else 0."""
    disk_bytes: int
    """Of the disk that images and pods are on."""
    kernel_version: str
    os_image: str
    boot_id: str
    """Another after each boot."""
    machine_id: str
    system_uuid: str


@dataclass(frozen=True, slots=True)
class Taint:
    """As a Node has it."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What its owner has chosen."""

    name: str
    taints: tuple[Taint, ...] = (Taint("bronzewillow.io/llm", "true", "NoSchedule"),)
    """Given when the Node is made; nodes may not change theirs."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Beside those that say what the machine is."""
    pods: int = 110
    """At most so many at once."""
    port: int = 10250
    """Of the API of llm-kubelet."""
    version: str = "v1.30.0-bronzewillow.0.1.0"
    """The behaviour that is promised, and who promises it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What CRI says of itself and of the pod network."""

    name: str = ""
    version: str = ""
    problem: str = "container runtime status check may not have completed yet"
    """Empty when it is ready."""
    network_problem: str = ""
    """Empty when it is ready."""
    lifecycle_problem: str = ""
    """Empty when what happens to its containers is heard of."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image on this machine."""

    names: tuple[str, ...]
    """By digest first."""
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Health:
    """How the machine is, as the Node's conditions tell it."""

    is_memory_low: bool = False
    is_disk_low: bool = False
    is_pids_low: bool = False
    ending: str = ""
    """Why it will be away soon: `node is shutting down`, `node is going to sleep`; else empty."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """All of it, at one moment."""

    machine: Machine
    settings: NodeSettings
    addresses: tuple[str, ...]
    """Of the machine; none while it has no network."""
    runtime: Runtime = Runtime()
    images: tuple[Image, ...] = ()
    health: Health = Health()
