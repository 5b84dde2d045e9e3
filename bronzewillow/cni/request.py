"""What a runtime asks of a plugin: the environment and standard input (CNI specification, section 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bronzewillow.cni.errors import CniError, Code
from bronzewillow.host.parsing import parse_json

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
"""That are spoken, the newest last."""
VERBS = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")
_FOR_ATTACHMENTS = ("ADD", "DEL", "CHECK")
_SINCE = {"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}
_CONTAINER_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
_IFNAME = re.compile(r"[^\s/:]{1,15}")  # Linux's rule, which the specification takes over


@dataclass(frozen=True, slots=True)
class Attachment:
    """One container on one network, as its runtime names it."""

    container_id: str
    ifname: str


@dataclass(frozen=True, slots=True)
class Request:
    """One run of the plugin."""

    verb: str
    version: str
    """Of the configuration, one of VERSIONS."""
    network: str = ""
    """The network's name."""
    attachment: Attachment | None = None
    """None for verbs that are about none."""
    netns: str = ""
    """A Mac has none; it is handed back as it came."""
    pod: str = ""
    """`namespace/name`, where a kubelet told."""
    control: Path | None = None
    """The agent's control socket, where the configuration names it."""
    previous: Mapping[str, Any] | None = None
    """The result of the ADD that a CHECK is about."""
    valid: tuple[Attachment, ...] = field(default=())
    """What a GC is to keep."""


def parse_request(environment: Mapping[str, str], stdin: bytes) -> Request:
    """CniError for what is missing or wrong; a VERSION always succeeds, as it asks what is spoken."""
    verb = environment.get("CNI_COMMAND", "")
    if verb not in VERBS:
        raise CniError(
            Code.INVALID_ENVIRONMENT, f"CNI_COMMAND is {verb[:40]!r}; it is one of {', '.join(VERBS)}"
        )
    if verb == "VERSION":
        return Request(verb, _version_of(stdin))
    config = _parse_config(stdin)
    version = _check_version(config, verb)
    return Request(
        verb,
        version,
        _text(config, "name"),
        _attachment(environment) if verb in _FOR_ATTACHMENTS else None,
        environment.get("CNI_NETNS", ""),
        _pod(environment.get("CNI_ARGS", "")),
        Path(control) if (control := _text(config, "control")) else None,
        _previous(config, verb),
        _valid(config) if verb == "GC" else (),
    )


def _parse_config(stdin: bytes) -> dict[str, Any]:
    try:
        config = parse_json(stdin)
    except ValueError as error:
        raise CniError(Code.CANNOT_DECODE, f"the network configuration is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise CniError(Code.CANNOT_DECODE, "the network configuration is no JSON object")
    return config


def _check_version(config: Mapping[str, Any], verb: str) -> str:
    version = _text(config, "cniVersion") or "0.1.0"
    if version not in VERSIONS:
        raise CniError(
            Code.INCOMPATIBLE_VERSION,
            f"cniVersion {version[:40]!r} is not spoken",
            f"these are: {', '.join(VERSIONS)}",
        )
    since = _SINCE.get(verb, VERSIONS[0])
    if VERSIONS.index(version) < VERSIONS.index(since):
        raise CniError(
            Code.INCOMPATIBLE_VERSION, f"{verb} is of cniVersion {since}, the configuration has {version}"
        )
    return version


def _version_of(stdin: bytes) -> str:
    try:
        version = parse_json(stdin).get("cniVersion")
    except (ValueError, AttributeError):
        version = None
    return version if version in VERSIONS else VERSIONS[-1]


def _attachment(environment: Mapping[str, str]) -> Attachment:
    container_id, ifname = environment.get("CNI_CONTAINERID", ""), environment.get("CNI_IFNAME", "")
    if not _CONTAINER_ID.fullmatch(container_id):
        raise CniError(
            Code.INVALID_ENVIRONMENT, f"CNI_CONTAINERID {container_id[:100]!r} is no container's id"
        )
    if not _IFNAME.fullmatch(ifname) or ifname in (".", ".."):
        raise CniError(Code.INVALID_ENVIRONMENT, f"CNI_IFNAME {ifname[:40]!r} is no name of an interface")
    return Attachment(container_id, ifname)


def _pod(arguments: str) -> str:
    """CNI_ARGS is `KEY=VALUE;...`; a kubelet's runtime tells the pod there."""
    pairs = dict(pair.partition("=")[::2] for pair in arguments.split(";"))
    namespace, name = pairs.get("K8S_POD_NAMESPACE", ""), pairs.get("K8S_POD_NAME", "")
    return f"{namespace[:63]}/{name[:253]}" if namespace and name else ""


def _previous(config: Mapping[str, Any], verb: str) -> Mapping[str, Any] | None:
    found = config.get("prevResult")
    if found is not None and not isinstance(found, dict):
        raise CniError(Code.INVALID_CONFIG, "prevResult is no JSON object")
    if found is None and verb == "CHECK":
        raise CniError(Code.INVALID_CONFIG, "a CHECK needs prevResult, the result of its ADD")
    return found


def _valid(config: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """`cni.dev/valid-attachments`; without it nothing can be told to be stale."""
    listed = config.get("cni.dev/valid-attachments", config.get("cni.dev/attachments"))
    if not isinstance(listed, list):
        raise CniError(Code.INVALID_CONFIG, "a GC needs the list cni.dev/valid-attachments")
    try:
        return tuple(Attachment(str(one["containerID"]), str(one["ifname"])) for one in listed)
    except (TypeError, KeyError):
        raise CniError(
            Code.INVALID_CONFIG, "cni.dev/valid-attachments has an entry without containerID and ifname"
        ) from None


def _text(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name, "")
    if not isinstance(value, str):
        raise CniError(Code.INVALID_CONFIG, f"{name} in the network configuration is no text")
    return value
