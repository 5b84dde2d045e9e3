"""What the server needs of the rest of the kubelet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from runtime.api import cri_pb2 as api

Json = Mapping[str, Any]


class Pods(Protocol):
    """The pods that are bound to this node."""

    def all(self) -> Sequence[Json]:
        """As the API has them, with the status that this node last decided on."""

    def get(self, namespace: str, name: str) -> Json | None:
        """The pod of that name; None where there is none."""


class Runtime(Protocol):
    """The calls of CRI that requests become. All raise `kubelet.provider.errors.RuntimeRefusal`."""

    async def sandboxes(self, uid: str = "") -> list[api.PodSandbox]: ...
    async def containers(self, uid: str = "") -> list[api.Container]: ...
    async def container_status(self, container_id: str) -> api.ContainerStatus: ...
    async def sandbox_stats(self) -> list[api.PodSandboxStats]: ...
    async def image_filesystems(self) -> list[api.FilesystemUsage]: ...
    async def exec_sync(
        self, container_id: str, command: list[str], timeout_s: int
    ) -> api.ExecSyncResponse: ...
    async def exec(self, request: api.ExecRequest) -> str: ...
    async def attach(self, request: api.AttachRequest) -> str: ...
    async def port_forward(self, request: api.PortForwardRequest) -> str: ...


class Reviews(Protocol):
    """Two questions to the API server. Both raise `bronzewillow.kube.errors.KubeError`."""

    async def token(self, token: str) -> Json:
        """The status of a TokenReview."""

    async def access(self, spec: Json) -> Json:
        """The status of a SubjectAccessReview."""


@dataclass(frozen=True, slots=True)
class InterfaceUsage:
    """What a network interface has carried."""

    name: str
    received_bytes: int
    received_errors: int
    sent_bytes: int
    sent_errors: int


@dataclass(frozen=True, slots=True)
class PodDisk:
    """Bytes that a pod takes on this machine's disk."""

    logs: Mapping[str, int] = field(default_factory=dict)
    """By container."""
    volumes: Mapping[str, int] = field(default_factory=dict)
    """By name."""


class Disks(Protocol):
    """What the server asks about the files of pods."""

    def usage(self, pod: Json) -> PodDisk:
        """Measured. May block."""


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """What this machine uses, all of it."""

    time_ns: int
    """When it was measured, nanoseconds since 1970."""
    cpu_seconds: float
    """Since the machine started."""
    cpu_cores: float
    """In the last while."""
    memory_used_bytes: int
    """The working set."""
    memory_available_bytes: int
    disk_used_bytes: int
    disk_available_bytes: int
    disk_capacity_bytes: int
    received_bytes: int
    sent_bytes: int
    booted_s: float
    """When it started, seconds since 1970."""
    cores: int = 1
    files: int = 0
    """That the disk can have; 0 where it does not count them."""
    files_free: int = 0
    processes: int = 0
    most_processes: int | None = None
    """That this user may have; None for as many as there is room for."""
    swap_used_bytes: int = 0
    swap_available_bytes: int = 0
    interfaces: tuple[InterfaceUsage, ...] = ()


class Machine(Protocol):
    """What the server asks of the machine."""

    def usage(self) -> NodeUsage:
        """What the machine uses now."""


class Liveness(Protocol):
    """Whether the kubelet does its work."""

    def sync_loop_problem(self) -> str:
        """Empty, or why it has stalled."""
