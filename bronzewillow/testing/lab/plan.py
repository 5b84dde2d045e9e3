"""What a lab looks like: addresses, the CNI's style, and what the cable does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bronzewillow.wire.ethernet import MacRule

WORKER_OUT, MAC_OUT, STRANGER_OUT = "192.0.2.1", "192.0.2.2", "192.0.2.77"
OUT_LENGTH = 24
OUT_MTU = 1500
VXLAN_BYTES = 50
"""Outer IPv4 and UDP, VXLAN, inner Ethernet."""
WORKER_CIDR, WORKER_GATEWAY = "10.244.1.0/24", "10.244.1.1"
WORKER_PODS = ("10.244.1.11", "10.244.1.12")
MAC_CIDR, MAC_NODE = "10.244.7.0/24", "10.244.7.1"
MAC_POD, MAC_SECOND_POD = "10.244.7.10", "10.244.7.11"
WORKER_MAC, MAC_MAC = "02:aa:aa:aa:aa:01", "02:bb:bb:bb:bb:02"


class Style(StrEnum):
    """Whose worker it is."""

    FLANNEL = "flannel"
    """VNI 1 on 8472; pods on a bridge; the VTEP has the first address of the pod CIDR."""
    CALICO = "calico"
    """VNI 4096 on 4789; pods on /32 routes with proxy ARP; tunnel packets only from listed nodes."""


class Cable(StrEnum):
    """What the veth pair between the nodes pretends to be."""

    REAL = "real"
    """A cable: no packet above the MTU, all checksums complete."""
    TRAINS = "trains"
    """A cable, and a receiver that joins datagrams to trains (UDP_GRO)."""
    OFFLOAD = "offload"
    """veth's defaults, as in kind: uncut super-segments with unfinished inner checksums."""
    VXLAN_TX_OFF = "vxlan-tx-off"
    """veth's defaults, but no transmit offloads on the VXLAN device, as Calico sets it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One lab."""

    style: Style = Style.FLANNEL
    cable: Cable = Cable.REAL
    relayed: bool = False
    """A third namespace stands between the nodes, where a relay can impair. Needs a real cable."""
    inner_mac: MacRule = MacRule.NOTE
    """What our agent does with frames for other MACs than its own."""

    def __post_init__(self) -> None:
        if self.relayed and self.cable not in (Cable.REAL, Cable.TRAINS):
            raise ValueError("a relay takes frames of at most the MTU: choose a real cable")

    @property
    def vni(self) -> int:
        """The style's VXLAN network identifier."""
        return 1 if self.style is Style.FLANNEL else 4096

    @property
    def port(self) -> int:
        """The style's UDP port."""
        return 8472 if self.style is Style.FLANNEL else 4789

    @property
    def device(self) -> str:
        """The name that the style gives its VXLAN device."""
        return "flannel.1" if self.style is Style.FLANNEL else "vxlan.calico"

    @property
    def worker_tunnel(self) -> str:
        """The inner address of the worker's VTEP: what its own processes call pods from."""
        return "10.244.1.0" if self.style is Style.FLANNEL else "10.244.1.64"

    @property
    def mac_tunnel(self) -> str:
        """The next hop under which the worker knows the Mac."""
        return "10.244.7.0" if self.style is Style.FLANNEL else MAC_NODE

    @property
    def pod_mtu(self) -> int:
        """The largest inner packet."""
        return OUT_MTU - VXLAN_BYTES
