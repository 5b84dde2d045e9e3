"""Which image, and whether to pull it. k/k pkg/kubelet/images/image_manager.go."""

from __future__ import annotations

import contextlib
import re
from enum import Enum, StrEnum

from kubelet.model.pod_spec import Object, text
from kubelet.model.times import SECOND, go_duration

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::\d+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*)(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
    rf"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}})?",
    re.ASCII,
)
_LONGEST_NAME = 255
ERR_PULL, PULL_BACKOFF = "ErrImagePull", "ImagePullBackOff"
NEVER_PULL, INVALID_NAME = "ErrImageNeverPull", "InvalidImageName"


class PullPolicy(StrEnum):
    """The API's `imagePullPolicy`."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Verdict(Enum):
    """What to do for an image."""

    USE = "use"
    PULL = "pull"
    REFUSE = "refuse"
    """It is not here, and must not be pulled."""


class ImageNameError(ValueError):
    """Not the name of an image; the text is that of the status."""


def with_default_tag(image: str) -> str:
    """`:latest` where there is neither tag nor digest; no registry is added. ImageNameError."""
    match = _REFERENCE.fullmatch(image) if len(image) < 2 * _LONGEST_NAME else None
    if match is None or len(match["name"]) > _LONGEST_NAME:
        raise ImageNameError(
            f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
            "invalid reference format"
        )
    return image if match["tag"] or match["digest"] else f"{image}:latest"


def pull_policy(container: Object) -> PullPolicy:
    """The API server's default, where nobody has set one: Always for `latest`."""
    with contextlib.suppress(ValueError):
        return PullPolicy(text(container.get("imagePullPolicy")))
    match = _REFERENCE.fullmatch(text(container.get("image")))
    is_moving = match is not None and not match["digest"] and match["tag"] in (None, ":latest")
    return PullPolicy.ALWAYS if is_moving else PullPolicy.IF_NOT_PRESENT


def judge(policy: PullPolicy, is_present: bool) -> Verdict:
    """What to do for an image before a start."""
    if policy is PullPolicy.ALWAYS:
        return Verdict.PULL
    if is_present:
        return Verdict.USE
    return Verdict.REFUSE if policy is PullPolicy.NEVER else Verdict.PULL


def pulled_message(image: str, took: int, waited: int, size_bytes: int) -> str:
    """The text of the event `Pulled`; times in microseconds."""
    return (
        f'Successfully pulled image "{image}" in {_to_milliseconds(took)} '
        f"({_to_milliseconds(waited)} including waiting). Image size: {size_bytes} bytes."
    )


def progress_message(image: str, done_bytes: int, size_bytes: int) -> str:
    """Of an event while it is pulled; at most one each `PROGRESS_PERIOD`."""
    percent = 100 * done_bytes // size_bytes if size_bytes > 0 else 0
    return f'Pulling image "{image}": {min(percent, 100)}% of {size_bytes} bytes'


PROGRESS_PERIOD = 30 * SECOND


def _to_milliseconds(duration: int) -> str:
    return go_duration(duration - duration % 1000)
