"""What an overlay is made of, wherever that is known from: a file, or a cluster's objects."""

from __future__ import annotations

from dataclasses import dataclass

from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.ethernet import MacRule

Prefix = tuple[bytes, int]
"""A network address of 4 or 16 bytes, and its length in bits."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node of the overlay."""

    name: str
    """The node's name, for people."""
    address: bytes
    """Its underlay address; only datagrams from known addresses are taken."""
    port: int
    """The UDP port on which it takes encapsulated datagrams. Not the one it sends from."""
    mac: bytes
    """Its VTEP's MAC: the inner destination of what we send; kernel peers insist on it."""
    prefixes: tuple[Prefix, ...]
    """The inner addresses that are its own: its pods', and its VTEP's."""


@dataclass(frozen=True, slots=True)
class OverlaySpec:
    """The overlay as this node sees it."""

    encap: Encap
    """VXLAN (RFC 7348) or Geneve (RFC 8926)."""
    address: bytes
    """Our underlay address: bound, and sent from."""
    port: int
    """The UDP port that we bind."""
    vni: int
    """Sent, and the only one accepted, unless `any_vni`."""
    pod_cidrs: tuple[Prefix, ...]
    """Our own inner addresses, at least one prefix; the first host address of each is the node's."""
    mac: bytes
    """Our VTEP's MAC: the inner source of what we send, and our answer to ARP."""
    mtu: int
    """The largest inner IP packet, in bytes."""
    peers: tuple[Peer, ...] = ()
    """All other nodes."""
    partial_checksums: PartialPolicy = PartialPolicy.AUTO
    """What to do with checksums that an offloading peer has left unfinished."""
    any_vni: bool = False
    """Take datagrams of every VNI: Antrea's peers have none in particular, Cilium's say who is speaking."""
    source_vnis: tuple[tuple[bytes, int], ...] = ()
    """What an inner source of ours is sent with, where not `vni`: Cilium's security identities."""

    mac_rule: MacRule = MacRule.ANY
    """What to do with inner frames for other MACs than ours; peers of some CNIs promise to know ours."""

    def owns(self, address: bytes) -> bool:
        """Whether `address` is one of our inner addresses, in use or not."""
        return any(contains(prefix, address) for prefix in self.pod_cidrs)


def contains(prefix: Prefix, address: bytes) -> bool:
    """Whether `address` lies in `prefix`. An address of the other family never does."""
    network, length = prefix
    if len(network) != len(address):
        return False
    shift = 8 * len(network) - length
    return int.from_bytes(address, "big") >> shift == int.from_bytes(network, "big") >> shift


def node_address(pod_cidr: Prefix) -> bytes:
    """The node's own address in the overlay: the first host address of a pod CIDR."""
    network, _ = pod_cidr
    return (int.from_bytes(network, "big") + 1).to_bytes(len(network), "big")
