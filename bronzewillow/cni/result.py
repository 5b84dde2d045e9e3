"""What a plugin answers, in the form of each version (CNI specification, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from bronzewillow.cni.errors import CniError
from bronzewillow.cni.request import VERSIONS, Request

_BEFORE_1 = ("0.3.0", "0.3.1", "0.4.0")


@dataclass(frozen=True, slots=True)
class Network:
    """What the agent says of its overlay."""

    pod_cidr: IPv4Network
    gateway: IPv4Address
    """The node's own address in it."""
    mac: str
    mtu: int


def emit_add(request: Request, address: IPv4Address, network: Network) -> dict[str, Any]:
    """The result of an ADD."""
    assert request.attachment is not None
    interface: dict[str, Any] = {"name": request.attachment.ifname, "mac": network.mac}
    if request.version == "1.1.0":
        interface["mtu"] = network.mtu
    if request.netns:
        interface["sandbox"] = request.netns
    ip: dict[str, Any] = {
        "address": f"{address}/{network.pod_cidr.prefixlen}",
        "gateway": str(network.gateway),
        "interface": 0,
    }
    if request.version in _BEFORE_1:
        ip["version"] = "4"
    return {
        "cniVersion": request.version,
        "interfaces": [interface],
        "ips": [ip],
        "routes": [{"dst": "0.0.0.0/0", "gw": str(network.gateway)}],
        "dns": {},
    }


def emit_version(request: Request) -> dict[str, Any]:
    """What is spoken."""
    return {"cniVersion": request.version, "supportedVersions": list(VERSIONS)}


def emit_error(error: CniError, version: str) -> dict[str, Any]:
    """On standard output too, as the specification has it."""
    found: dict[str, Any] = {"cniVersion": version, "code": int(error.code), "msg": error.message}
    if error.details:
        found["details"] = error.details
    return found
