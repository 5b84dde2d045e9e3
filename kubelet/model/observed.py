"""What the container runtime says about one pod."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ContainerState(StrEnum):
    """CRI's ContainerState."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ObservedSandbox:
    """What CRI's PodSandboxStatus says of a pod."""

    id: str
    attempt: int
    is_ready: bool
    """SANDBOX_READY."""
    created_ns: int
    """Nanoseconds since 1970, as CRI has it."""
    ips: tuple[str, ...] = ()
    """`network.ip` and `network.additional_ips`; empty where the sandbox is not ready."""


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """CRI `ContainerStatus`. Times are nanoseconds since 1970, 0 for never."""

    id: str
    """Without the runtime's name in front."""
    name: str
    attempt: int
    """`metadata.attempt`, which is the restart count."""
    state: ContainerState
    sandbox_id: str
    created_ns: int
    started_ns: int = 0
    finished_ns: int = 0
    exit_code: int = 0
    reason: str = ""
    """As the runtime says: Completed, Error, OOMKilled, Unknown ..."""
    message: str = ""
    """Of the end: the container's termination message where there is one (`termination_message`), else the
    runtime's."""
    image: str = ""
    """`image.user_specified_image`, else `image.image`."""
    image_ref: str = ""
    """`image_ref`, shown as `imageID`."""
    spec_hash: str = ""
    """The annotation `io.kubernetes.container.hash`, which CreateContainer gave; empty: not known."""

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return self.state is ContainerState.RUNNING

    @property
    def is_ended(self) -> bool:
        """Whether it will do nothing more; a container of unknown state is taken for lost."""
        return self.state in (ContainerState.EXITED, ContainerState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """All sandboxes and containers of one pod UID, in any order and of any age."""

    as_of: int
    """Instant before the runtime was asked."""
    sandboxes: tuple[ObservedSandbox, ...] = ()
    containers: tuple[ObservedContainer, ...] = ()

    @property
    def newest_sandbox(self) -> ObservedSandbox | None:
        """The one of the highest attempt."""
        return max(self.sandboxes, key=lambda one: (one.attempt, one.created_ns), default=None)

    def instances(self, name: str) -> list[ObservedContainer]:
        """All containers of that name, the newest first."""
        mine = [one for one in self.containers if one.name == name]
        return sorted(mine, key=lambda one: (one.attempt, one.created_ns), reverse=True)
