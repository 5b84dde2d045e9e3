"""How the containers, images and probes of a simulated pod behave. Read from the TOML of a scenario.

[world.containers.llm]
runs = ["5s exit 1", "forever"]              # each instance in turn, the last one for ever
ends = "1s exit 0"                           # on SIGTERM; "never" waits for SIGKILL
create = ["fail CreateContainerConfigError: configmap \\"x\\" not found", "ok"]
start = ["fail RunContainerError: no memory", "ok"]
postStart = ["1s fail no answer", "1s"]
preStop = ["3s"]
readiness = ["0s failed: HTTP probe failed with statuscode: 503", "20s ok"]      # since it started
[world.images."m:1"]
present = true
pulls = ["3s fail ErrImagePull: not found", "8s"]
[world]
sandbox = ["fail no address left", "ok"]
volumes = ["fail configmap \\"x\\" not found", "ok"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubelet.model.actions import ProbeKind
from kubelet.model.outcomes import Failed, Probed, ProbeResult
from kubelet.model.times import SECOND

FOREVER = 2**60
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}


class ScenarioError(ValueError):
    """A scenario says something that is not understood."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How an instance ends by itself, or on SIGTERM."""

    after: int
    code: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """How one attempt at something goes."""

    takes: int | None = None
    failure: Failed | None = None


OK = Try()


@dataclass(frozen=True, slots=True)
class ContainerWorld:
    """One container's."""

    runs: tuple[Exit, ...] = (Exit(FOREVER),)
    ends: Exit = Exit(SECOND // 2, 0)
    create: tuple[Try, ...] = (OK,)
    start: tuple[Try, ...] = (OK,)
    post_start: tuple[Try, ...] = (OK,)
    pre_stop: tuple[Try, ...] = (OK,)
    probes: Mapping[ProbeKind, tuple[tuple[int, Probed], ...]] = field(default_factory=dict)

    def probe(self, kind: ProbeKind, age: int) -> Probed:
        """What a probe finds `age` after the start."""
        answers = [answer for since, answer in self.probes.get(kind, ()) if since <= age]
        return answers[-1] if answers else Probed(ProbeResult.SUCCESS)


@dataclass(frozen=True, slots=True)
class ImageWorld:
    """One image's."""

    is_present: bool = False
    pulls: tuple[Try, ...] = (Try(2 * SECOND),)


@dataclass(frozen=True, slots=True)
class World:
    """One pod's."""

    containers: Mapping[str, ContainerWorld] = field(default_factory=dict)
    images: Mapping[str, ImageWorld] = field(default_factory=dict)
    sandbox: tuple[Try, ...] = (OK,)
    volumes: tuple[Try, ...] = (OK,)

    def container(self, name: str) -> ContainerWorld:
        """One that nothing is said of runs for ever."""
        return self.containers.get(name, ContainerWorld())

    def image(self, name: str) -> ImageWorld:
        """One that nothing is said of can be pulled."""
        return self.images.get(name, ImageWorld())


def turn(tries: tuple[Any, ...], index: int) -> Any:
    """The behaviour of the attempt with that number; the last one stays."""
    return tries[min(index, len(tries) - 1)]


def parse_world(value: Mapping[str, Any]) -> World:
    """Of the table `world`. ScenarioError."""
    return World(
        {name: _container(one) for name, one in value.get("containers", {}).items()},
        {name: _image(one) for name, one in value.get("images", {}).items()},
        _tries(value.get("sandbox")),
        _tries(value.get("volumes")),
    )


def parse_duration(text: str) -> int:
    """`1m30s`, in microseconds. ScenarioError."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ScenarioError(f"{text!r} is not a duration such as 1m30s")
    return sum(round(float(number) * _UNITS[unit]) for number, unit in parts)


def _container(value: Mapping[str, Any]) -> ContainerWorld:
    default = ContainerWorld()
    return ContainerWorld(
        tuple(_exit(text) for text in value.get("runs", ["forever"])),
        _exit(value["ends"]) if "ends" in value else default.ends,
        _tries(value.get("create")),
        _tries(value.get("start")),
        _tries(value.get("postStart")),
        _tries(value.get("preStop")),
        {kind: tuple(_answer(text) for text in value.get(kind.value, ())) for kind in ProbeKind},
    )


def _image(value: Mapping[str, Any]) -> ImageWorld:
    return ImageWorld(value.get("present", False), _tries(value.get("pulls"), ImageWorld().pulls))


def _exit(text: str) -> Exit:
    if text in ("forever", "never"):
        return Exit(FOREVER)
    match = re.fullmatch(r"(\S+) exit (\d+)(?: (\w+))?", text)
    if match is None:
        raise ScenarioError(f"{text!r} is not an exit such as '5s exit 1'")
    return Exit(parse_duration(match[1]), int(match[2]), match[3] or "")


def _tries(texts: Iterable[str] | None, default: tuple[Try, ...] = (OK,)) -> tuple[Try, ...]:
    return tuple(_try(text) for text in texts) if texts is not None else default


def _try(text: str) -> Try:
    match = re.fullmatch(r"(?:(\d\S*) ?)?(?:ok|fail (?:([A-Z]\w+): )?(.+))?", text)
    if match is None:
        raise ScenarioError(f"{text!r} is not an attempt such as '3s fail ErrImagePull: not found'")
    takes = parse_duration(match[1]) if match[1] else None
    return Try(takes, Failed(match[3], match[2] or "") if match[3] else None)


def _answer(text: str) -> tuple[int, Probed]:
    match = re.fullmatch(r"(\S+) (ok|failed|warning|errored)(?:: (.*))?", text)
    if match is None:
        raise ScenarioError(f"{text!r} is not a probe's answer such as '20s ok'")
    results = {"ok": "successful", "failed": "failed", "warning": "warning", "errored": "unknown"}
    return parse_duration(match[1]), Probed(ProbeResult(results[match[2]]), match[3] or "")
