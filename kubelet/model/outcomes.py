"""How actions end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProbeResult(StrEnum):
    """Of one attempt. The labels are those of the kubelet's metric `prober_probe_total`."""

    SUCCESS = "successful"
    FAILURE = "failed"
    WARNING = "warning"
    """Counts as success, and is told by the event ProbeWarning: a redirect to another host."""
    UNKNOWN = "unknown"
    """It could not be tried: changes nothing."""


@dataclass(frozen=True, slots=True)
class Done:
    """The action was carried out."""


@dataclass(frozen=True, slots=True)
class Made:
    """A sandbox or a container."""

    id: str


@dataclass(frozen=True, slots=True)
class ImageFound:
    """The outcome of InspectImage."""

    image_ref: str
    """Empty: it is not here."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """The outcome of PullImage."""

    image_ref: str
    size_bytes: int
    took_us: int
    """Of the pull itself."""
    waited_us: int
    """From the action to the end: with waiting for other pulls."""
    missing_secrets: tuple[str, ...] = ()
    """imagePullSecrets that could not be read; the pull went on without."""


@dataclass(frozen=True, slots=True)
class Probed:
    """The outcome of Probe."""

    result: ProbeResult
    output: str = ""
    """What the event says: `HTTP probe failed with statuscode: 503`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The action, of whatever kind, failed."""

    message: str
    """One line; shows in status and events."""
    reason: str = ""
    """Kubernetes' word, where the action lists some."""
    missing_secrets: tuple[str, ...] = ()
    """As of Pulled."""


Outcome = Done | Made | ImageFound | Pulled | Probed | Failed
