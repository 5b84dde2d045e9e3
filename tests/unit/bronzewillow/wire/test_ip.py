from __future__ import annotations

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ip import IpPacket, emit_ip, ethertype_of, header_bytes, parse_ip
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet

PACKETS = [Ipv4Packet(bytes(4), b"\x0a\0\0\1", 17, b"text"), Ipv6Packet(bytes(16), bytes(16), 17, b"text")]


@pytest.mark.parametrize("packet", PACKETS)
def test_each_family_by_its_first_digit(packet: IpPacket) -> None:
    data = emit_ip(packet)
    assert parse_ip(data) == parse_ip(memoryview(data)) == packet
    assert len(data) == header_bytes(packet.source) + 4


def test_ethertypes() -> None:
    assert (ethertype_of(bytes(4)), ethertype_of(bytes(16))) == (0x0800, 0x86DD)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", DropReason.TRUNCATED),
        (b"\x60", DropReason.TRUNCATED),
        (b"\x75" + bytes(60), DropReason.IP_VERSION),
    ],
)
def test_neither(data: bytes, reason: DropReason) -> None:
    with pytest.raises(WireError) as caught:
        parse_ip(data)
    assert caught.value.reason is reason
