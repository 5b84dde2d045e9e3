from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.wire.errors import DropReason, WireError
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.packet import TcpPacket, flatten, new_tcp_packet, parse_tcp_packet
from bronzewillow.wire.tcp import Flags, TcpSegment

SEGMENT = TcpSegment(1, 2, 3, 4, Flags.ACK, 5, payload=b"text")
PACKET = TcpPacket(b"\x0a\0\0\1", b"\x0a\0\0\2", SEGMENT, tos=0x2, ttl=9)


def test_flatten_and_back() -> None:
    flat = flatten(PACKET)
    assert isinstance(flat, Ipv4Packet)
    assert (flat.protocol, flat.dont_fragment, flat.identification) == (6, True, 0)
    assert (flat.ttl, flat.tos) == (9, 2)
    assert parse_tcp_packet(flat) == PACKET


def test_flatten_and_back_over_ipv6() -> None:
    packet = dataclasses.replace(PACKET, source=bytes(15) + b"\1", destination=bytes(15) + b"\2")
    flat = flatten(packet)
    assert isinstance(flat, Ipv6Packet)
    assert (flat.protocol, flat.hop_limit, flat.traffic_class) == (6, 9, 2)
    assert parse_tcp_packet(flat) == packet


def test_a_corrupt_segment() -> None:
    flat = flatten(PACKET)
    with pytest.raises(WireError) as caught:
        parse_tcp_packet(dataclasses.replace(flat, payload=flat.payload[:-1] + b"?"))
    assert caught.value.reason is DropReason.BAD_TCP_CHECKSUM


def test_the_quick_value_is_the_frozen_one() -> None:
    quick = new_tcp_packet(b"\x0a\0\0\1", b"\x0a\0\0\2", SEGMENT, 0, 2, 9)
    assert type(quick) is TcpPacket
    assert quick == PACKET
    assert new_tcp_packet(b"\x0a\0\0\1", b"\x0a\0\0\2", SEGMENT) == dataclasses.replace(PACKET, tos=0, ttl=64)
    with pytest.raises(dataclasses.FrozenInstanceError):
        quick.ttl = 1  # type: ignore[misc]
