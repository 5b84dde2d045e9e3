"""What a plugin answers, in the form of each version (CNI specification, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bronzewillow.cni.errors import CniError
from bronzewillow.cni.leases import Address, Cidr
from bronzewillow.cni.request import VERSIONS, Request

_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_BEFORE_1 = ("0.3.0", "0.3.1", "0.4.0")


@dataclass(frozen=True, slots=True)
class Network:
    """What the agent says of its overlay."""

    pod_cidrs: tuple[Cidr, ...]
    """One of each family at most."""
    gateways: tuple[Address, ...]
    """The node's own address in each of them."""
    mac: str
    mtu: int


def emit_add(request: Request, addresses: Sequence[Address], network: Network) -> dict[str, Any]:
    """The result of an ADD."""
    assert request.attachment is not None
    interface: dict[str, Any] = {"name": request.attachment.ifname, "mac": network.mac}
    if request.version == "1.1.0":
        interface["mtu"] = network.mtu
    if request.netns:
        interface["sandbox"] = request.netns
    ips: list[dict[str, Any]] = []
    routes: list[dict[str, Any]] = []
    for address in addresses:
        for cidr, gateway in zip(network.pod_cidrs, network.gateways, strict=True):
            if cidr.version == address.version:
                ip = {"address": f"{address}/{cidr.prefixlen}", "gateway": str(gateway), "interface": 0}
                ips.append(ip | ({"version": str(cidr.version)} if request.version in _BEFORE_1 else {}))
                routes.append({"dst": _EVERYWHERE[cidr.version], "gw": str(gateway)})
    return {
        "cniVersion": request.version,
        "interfaces": [interface],
        "ips": ips,
        "routes": routes,
        "dns": {},
    }


def emit_version(request: Request) -> dict[str, Any]:
    """The answer to VERSION: the versions that are spoken."""
    return {"cniVersion": request.version, "supportedVersions": list(VERSIONS)}


def emit_error(error: CniError, version: str) -> dict[str, Any]:
    """On standard output too, as the specification has it."""
    found: dict[str, Any] = {"cniVersion": version, "code": int(error.code), "msg": error.message}
    if error.details:
        found["details"] = error.details
    return found
