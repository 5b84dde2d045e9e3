"""The overlays that the cluster gave us last, on disk: for a start while no API server answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bronzewillow.host.files import replace_file
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.ethernet import MacRule


def remember(path: Path, overlays: Sequence[OverlaySpec]) -> None:
    """Write `overlays` for an agent that starts while no API server answers. OSError."""
    make_private(path.parent)
    replace_file(path, json.dumps([asdict(one) for one in overlays], default=bytes.hex).encode())


def recall(path: Path) -> tuple[OverlaySpec, ...]:
    """Empty where there is nothing, or nothing that can be read any more."""
    try:
        return tuple(map(_overlay, parse_json(path.read_bytes())))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return ()


def _overlay(found: dict[str, Any]) -> OverlaySpec:
    return OverlaySpec(
        Encap(found["encap"]),
        bytes.fromhex(found["address"]),
        int(found["port"]),
        int(found["vni"]),
        _prefixes(found["pod_cidrs"]),
        bytes.fromhex(found["mac"]),
        int(found["mtu"]),
        tuple(map(_peer, found["peers"])),
        PartialPolicy(found["partial_checksums"]),
        bool(found["any_vni"]),
        tuple((bytes.fromhex(source), int(vni)) for source, vni in found["source_vnis"]),
        MacRule(found.get("mac_rule", MacRule.ANY)),
    )


def _peer(found: dict[str, Any]) -> Peer:
    address, mac = bytes.fromhex(found["address"]), bytes.fromhex(found["mac"])
    return Peer(str(found["name"]), address, int(found["port"]), mac, _prefixes(found["prefixes"]))


def _prefixes(found: list[Any]) -> tuple[Prefix, ...]:
    return tuple((bytes.fromhex(network), int(length)) for network, length in found)
