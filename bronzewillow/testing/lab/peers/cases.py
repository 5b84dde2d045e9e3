"""The clusters that tests go through, each with one family at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bronzewillow.testing.lab.joined import Joined
from bronzewillow.testing.lab.peers.antrea import Antrea, AntreaVxlan
from bronzewillow.testing.lab.peers.calico import Calico
from bronzewillow.testing.lab.peers.cilium import Cilium, CiliumGeneve, CiliumOverV6
from bronzewillow.testing.lab.peers.family import V4, V6, Family
from bronzewillow.testing.lab.peers.flannel import Flannel
from bronzewillow.testing.lab.peers.peer import Peer
from bronzewillow.testing.lab.site import Place, in_guest, on_this_kernel


@dataclass(frozen=True, slots=True)
class Case:
    """One family of a cluster."""

    name: str
    make_peer: type[Peer]
    families: tuple[Family, ...]
    """Of all its pods."""
    family: Family
    place: Place = on_this_kernel

    def __str__(self) -> str:
        return f"{self.name}-v{self.family.version}"

    @property
    def features(self) -> tuple[str, ...]:
        """What the lab needs of the machine."""
        return (*self.make_peer.features, *(("ipv6",) if V6 in self.families else ()))


@dataclass(frozen=True, slots=True)
class Placed:
    """A Mac in a cluster, and one family of its pods."""

    lab: Joined
    family: Family

    @property
    def peer(self) -> Peer:
        """The worker."""
        return self.lab.peer

    @property
    def mac_pods(self) -> tuple[str, str]:
        """The addresses of our pods."""
        return self.peer.mac_pods(self.family)

    @property
    def worker_pods(self) -> tuple[str, ...]:
        """The addresses of the worker's pods."""
        return self.peer.worker_pods(self.family)

    @property
    def overlay(self) -> dict[str, Any]:
        """The agent's, of this family, by its own account."""
        kind = ":" if self.family is V6 else "."
        found: list[dict[str, Any]] = self.lab.status()["overlays"]
        return next(one for one in found if any(kind in cidr for cidr in one["pod_cidrs"]))

    @property
    def underlay(self) -> Family:
        """The family that it goes by."""
        address = self.overlay["address"]
        return next(family for family in self.peer.underlays if family.mac_out == address)

    def url(self, address: str, port: int, path: str = "/") -> str:
        """Of HTTP."""
        return self.family.url(address, port, path)


def _cases(name: str, make_peer: type[Peer], place: Place = on_this_kernel) -> list[Case]:
    both = V4, V6
    return [Case(name, make_peer, both, family, place) for family in both]


CASES = [
    *_cases("flannel", Flannel),
    *_cases("calico", Calico),
    *_cases("antrea-geneve", Antrea),
    *_cases("antrea-vxlan", AntreaVxlan),
    *_cases("cilium", Cilium),
    *_cases("cilium-over-v6", CiliumOverV6),
    *_cases("cilium-geneve", CiliumGeneve, in_guest),
]
