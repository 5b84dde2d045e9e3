"""What a pod's machine asks its shell to do. Each is one call, to CRI, the API server or the pod itself.

An action is finished by one of the `outcomes` that its docstring names; `Failed` is always possible. Where
the reason of a `Failed` matters, the docstring lists the reasons; they are Kubernetes' own words and show in
the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class HookKind(StrEnum):
    """The key below `lifecycle`."""

    POST_START = "postStart"
    PRE_STOP = "preStop"


class ProbeKind(StrEnum):
    """Keys of a container are these with `Probe` behind."""

    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"

    @property
    def key(self) -> str:
        """The field of a container that describes it."""
        return f"{self.value}Probe"


@dataclass(frozen=True, slots=True)
class SetUpVolumes:
    """Make all volumes of the pod and keep them fresh until TearDownVolumes. `Done`.

    The message of a `Failed` is that of the event `FailedMount`. Asked for again later.
    """


@dataclass(frozen=True, slots=True)
class TearDownVolumes:
    """Remove the pod's volumes; no container runs any more. Again is no error. `Done`."""


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    """RunPodSandbox. The outcome is `Made`."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StopSandbox:
    """StopPodSandbox: the pod's address is given back, what still runs is ended. `Done`."""

    sandbox_id: str


@dataclass(frozen=True, slots=True)
class RemoveSandbox:
    """RemovePodSandbox. The outcome is `Done`."""

    sandbox_id: str


@dataclass(frozen=True, slots=True)
class InspectImage:
    """ImageStatus. `ImageFound`. Reasons of Failed: `InvalidImageName`, `ImageInspectError`."""

    container: str
    image: str
    """As the pod names it, with `:latest` where it has neither tag nor digest."""


@dataclass(frozen=True, slots=True)
class PullImage:
    """PullImage, with the pod's imagePullSecrets; one pull at a time on a node. `Pulled`.

    Reasons of Failed: `ErrImagePull`, `RegistryUnavailable`, `SignatureValidationFailed`, `InvalidImageName`.
    Two containers that need one image have one PullImage each; the second finds it present.
    """

    container: str
    image: str


@dataclass(frozen=True, slots=True)
class CreateContainer:
    """CreateContainer, after resolving environment and command (`environment`) and mounts. `Made`.

    Reasons of Failed: `CreateContainerConfigError` (a ConfigMap, Secret or key is missing),
    `CreateContainerError`.
    """

    container: str
    attempt: int
    """Goes into the metadata and into `io.kubernetes.container.restartCount`."""
    sandbox_id: str
    image: str
    image_ref: str
    """What InspectImage or PullImage gave."""
    spec_hash: str
    """Goes into the annotation `io.kubernetes.container.hash`."""


@dataclass(frozen=True, slots=True)
class StartContainer:
    """StartContainer. `Done`. Reason of Failed: `RunContainerError`."""

    container: str
    container_id: str


@dataclass(frozen=True, slots=True)
class StopContainer:
    """StopContainer. `Done`, when it has ended.

    May come again for a container that is being stopped, with less grace: then call CRI again at once.
    """

    container: str
    container_id: str
    grace_s: int


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """RemoveContainer and its log file. `Done`."""

    container: str
    container_id: str


@dataclass(frozen=True, slots=True)
class RunHook:
    """A lifecycle hook: exec, httpGet or sleep, through the pod's network. `Done`.

    Failed after `timeout_s`; 0 is no limit: a `Cancel` comes when its container is to end.
    """

    container: str
    container_id: str
    kind: HookKind
    timeout_s: int
    handler: Mapping[str, Any] = field(hash=False)
    """The API's LifecycleHandler."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt of a probe, through the pod's network. `Probed`; Failed: it could not even be tried."""

    container: str
    container_id: str
    kind: ProbeKind
    timeout_s: int
    probe: Mapping[str, Any] = field(hash=False)
    """The API's Probe."""
    number: int = 0
    """Tells attempts apart."""


@dataclass(frozen=True, slots=True)
class DeletePodObject:
    """DELETE of the API object: grace 0, `preconditions.uid`; after the status was written.

    `Done`, also for a 404, or a 409 because of another UID.
    Afterwards the machine waits for `forget`. For a static pod it is the mirror pod.
    """


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up a pull or a hook that runs: that one is then finished, as Failed. Has no finish of its own."""

    action: PullImage | RunHook


Action = (
    SetUpVolumes
    | TearDownVolumes
    | CreateSandbox
    | StopSandbox
    | RemoveSandbox
    | InspectImage
    | PullImage
    | CreateContainer
    | StartContainer
    | StopContainer
    | RemoveContainer
    | RunHook
    | Probe
    | DeletePodObject
    | Cancel
)

CHANGES_RUNTIME = (
    CreateSandbox,
    StopSandbox,
    RemoveSandbox,
    CreateContainer,
    StartContainer,
    StopContainer,
    RemoveContainer,
)
"""After one of these has finished, an older observation says nothing."""
