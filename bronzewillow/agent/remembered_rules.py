"""The rules that NetworkPolicies made last, on disk: for a start while no API server answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bronzewillow.host.files import replace_file
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from bronzewillow.overlay.spec import Prefix
from bronzewillow.policy.rules import Allow, Block, Direction, PodRules, Ports


def remember_rules(path: Path, rules: Mapping[bytes, PodRules]) -> None:
    """Of all pods, by address. OSError."""
    each = {one.name: one for one in rules.values()}
    make_private(path.parent)
    text = json.dumps([asdict(one) for one in each.values()], default=_plain)
    replace_file(path, text.encode(), private=True)


def recall_rules(path: Path) -> dict[bytes, PodRules] | None:
    """None where there is nothing, or nothing that can be read any more."""
    try:
        found = [_pod(one) for one in parse_json(path.read_bytes())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return {address: pod for pod in found for address in pod.addresses}


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else sorted(one.hex() for one in value)


def _pod(found: dict[str, Any]) -> PodRules:
    return PodRules(
        {Direction(key): tuple(map(str, names)) for key, names in found["isolated"].items()},
        {Direction(key): tuple(map(_allow, allows)) for key, allows in found["allows"].items()},
        str(found["name"]),
        _addresses(found["addresses"]),
    )


def _allow(found: dict[str, Any]) -> Allow:
    addresses, ports = found["addresses"], found["ports"]
    return Allow(
        str(found["policy"]),
        int(found["rule"]),
        None if addresses is None else _addresses(addresses),
        tuple(Block(_prefix(one["cidr"]), tuple(map(_prefix, one["excepts"]))) for one in found["blocks"]),
        None if ports is None else tuple(map(_ports, ports)),
    )


def _ports(found: dict[str, Any]) -> Ports:
    return Ports(str(found["protocol"]), int(found["first"]), int(found["last"]))


def _prefix(found: list[Any]) -> Prefix:
    network, length = found
    return bytes.fromhex(network), int(length)


def _addresses(found: list[str]) -> frozenset[bytes]:
    return frozenset(map(bytes.fromhex, found))
