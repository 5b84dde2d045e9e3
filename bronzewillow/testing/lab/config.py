"""The agent's configuration file, as a lab writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bronzewillow.testing.lab.plan import (
    MAC_CIDR,
    MAC_MAC,
    MAC_OUT,
    WORKER_CIDR,
    WORKER_MAC,
    WORKER_OUT,
    Plan,
)


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a pod."""

    number: int
    upstream: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of the agent's configuration."""

    name: str
    address: str
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class OtherPeer:
    """A peer beside the worker, which need not exist."""

    name: str
    address: str
    mac: str
    pod_cidr: str


def render(plan: Plan, pods: Iterable[Pod], others: Iterable[OtherPeer] = ()) -> str:
    """The agent's configuration file."""
    lines = [
        "[overlay]",
        'encap = "vxlan"',
        f'address = "{MAC_OUT}"',
        f"port = {plan.port}",
        f"vni = {plan.vni}",
        f'pod_cidr = "{MAC_CIDR}"',
        f'mac = "{MAC_MAC}"',
        f'inner_mac = "{plan.inner_mac}"',
        f"mtu = {plan.pod_mtu}",
    ]
    for peer in (OtherPeer("worker-1", WORKER_OUT, WORKER_MAC, WORKER_CIDR), *others):
        lines += [
            "",
            "[[overlay.peers]]",
            f'name = "{peer.name}"',
            f'address = "{peer.address}"',
            f'mac = "{peer.mac}"',
            f'pod_cidrs = ["{peer.pod_cidr}"]',
        ]
    for pod in pods:
        lines += ["", "[[pods]]", f'name = "{pod.name}"', f'address = "{pod.address}"', "ports = ["]
        lines += [
            f'  {{ port = {port.number}, upstream = "{port.upstream}", protocol = "{port.protocol}" }},'
            for port in pod.ports
        ]
        lines.append("]")
    return "\n".join(lines) + "\n"
