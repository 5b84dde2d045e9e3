"""The two encapsulations seen as one: a VNI and an Ethernet frame in a UDP payload."""

from __future__ import annotations

from enum import StrEnum

from bronzewillow.wire import geneve, ipv4, vxlan
from bronzewillow.wire.checksum import Buffer
from bronzewillow.wire.ethernet import EthernetFrame, emit_ethernet


class Encap(StrEnum):
    VXLAN = "vxlan"
    GENEVE = "geneve"


DEFAULT_PORTS = {Encap.VXLAN: vxlan.DEFAULT_PORT, Encap.GENEVE: geneve.DEFAULT_PORT}
HEADER_BYTES = 8
"""Of either encapsulation, without Geneve options."""


def decap(encap: Encap, data: Buffer) -> tuple[int, bytes]:
    """The VNI and the inner frame of an outer UDP payload. Raises WireError."""
    if encap is Encap.VXLAN:
        outer = vxlan.parse_vxlan(data)
        return outer.vni, outer.frame
    inner = geneve.parse_geneve(data)
    return inner.vni, inner.frame


def encap_frame(encap: Encap, vni: int, frame: bytes) -> bytes:
    """The outer UDP payload that carries `frame`."""
    if encap is Encap.VXLAN:
        return vxlan.emit_vxlan(vxlan.VxlanDatagram(vni, frame))
    return geneve.emit_geneve(geneve.GeneveDatagram(vni, frame))


def emit_encap_header(
    encap: Encap, vni: int, destination: bytes, source: bytes, ethertype: int = ipv4.ETHERTYPE
) -> bytes:
    """What stands before every inner packet to one peer: encapsulation and Ethernet header, 22 bytes."""
    return encap_frame(encap, vni, emit_ethernet(EthernetFrame(destination, source, ethertype)))
