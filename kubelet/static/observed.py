"""What the container runtime has, as far as static pods go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Of a container, in CRI's words."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """One, of any attempt."""

    id: str
    name: str
    attempt: int
    step: int
    """Which start of a series of restarts it was."""
    state: State
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    log_path: str = ""
    started_ns: int = 0
    finished_ns: int = 0
    """Both since 1970; 0 for not yet."""


@dataclass(frozen=True, slots=True)
class ObservedPod:
    """A sandbox of the runtime, with its containers."""

    sandbox_id: str
    full_name: str
    uid: str
    file: str
    """Of the manifest that it was made from."""
    attempt: int
    is_ready: bool
    grace_s: int
    containers: tuple[ObservedContainer, ...] = ()
