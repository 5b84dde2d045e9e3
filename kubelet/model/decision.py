"""What one look at a pod gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kubelet.model.actions import Action


class EventType(StrEnum):
    """The API's types of an event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class PodEvent:
    """To be recorded on the pod. `events.body` makes the API object."""

    type: EventType
    reason: str
    message: str
    field_path: str = ""
    """`spec.containers{llm}`, or empty for the pod itself."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a pod's status says of its node."""

    name: str
    host_ips: tuple[str, ...]
    """InternalIP addresses, the first is `hostIP`; family order is also that of `podIPs`."""
    runtime: str
    """The part of `containerRuntimeVersion` before `://`."""
    agent_started: int = 0
    """Instant: probes of pods that ran before are spread over their first period."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the node ends a pod: eviction, shutdown. It becomes Failed with this reason and message."""

    reason: str
    message: str
    grace_s: int | None = None
    """Less than the pod's own grace; None: the pod's own."""
    disrupts: bool = True
    """Sets the condition DisruptionTarget, reason TerminationByKubelet."""
    signal: str = ""
    """What an eviction is counted by: `memory.available`, `emptydirfs.limit`; empty for what is none."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pod is not taken: its phase is Failed at once, it never starts, and never will."""

    reason: str
    """OutOfmemory, NodeAffinity, ..."""
    message: str
    """Names the field and the cure."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a PodMachine decides; see the package's docstring."""

    actions: tuple[Action, ...]
    events: tuple[PodEvent, ...]
    status: Mapping[str, Any] = field(hash=False)
    next_timeout: int | None
    """Instant at which to decide again at the latest; None: only after an input."""
    is_finished: bool = False
