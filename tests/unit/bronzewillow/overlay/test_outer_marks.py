from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.overlay.outer_marks import mark_inner
from bronzewillow.wire.encap import Encap, decap, emit_encap_header
from bronzewillow.wire.ethernet import parse_ethernet
from bronzewillow.wire.ip import emit_ip
from bronzewillow.wire.ipv4 import Ipv4Packet, parse_ipv4
from bronzewillow.wire.ipv6 import Ipv6Packet, parse_ipv6

A, B = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
A6, B6 = bytes.fromhex("fd" + "00" * 14 + "01"), bytes.fromhex("fd" + "00" * 14 + "02")
MACS = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"


def datagram(packet: Ipv4Packet | Ipv6Packet, encap: Encap = Encap.VXLAN) -> bytes:
    ethertype = 0x0800 if isinstance(packet, Ipv4Packet) else 0x86DD
    return emit_encap_header(encap, 1, *MACS, ethertype) + emit_ip(packet)


def marked(packet: Ipv4Packet | Ipv6Packet, encap: Encap = Encap.VXLAN) -> bytes | None:
    made = mark_inner(datagram(packet, encap), encap)
    return None if made is None else parse_ethernet(decap(encap, made)[1]).payload


@pytest.mark.rfc("6040:4.2")
@pytest.mark.parametrize("encap", list(Encap))
@pytest.mark.parametrize("tos", [0b01, 0b10, 0b11, 0xB8 | 0b10])
def test_what_is_ecn_capable_is_marked(tos: int, encap: Encap) -> None:
    inner = marked(Ipv4Packet(A, B, 17, b"hello", tos=tos), encap)
    assert inner is not None and parse_ipv4(inner).tos == tos | 0b11  # which verifies the checksum
    inner = marked(Ipv6Packet(A6, B6, 17, b"hello", traffic_class=tos), encap)
    assert inner is not None and parse_ipv6(inner).traffic_class == tos | 0b11


@pytest.mark.rfc("6040:4.2")
@pytest.mark.parametrize("tos", [0, 0xB8])
def test_what_is_not_is_dropped(tos: int) -> None:
    assert marked(Ipv4Packet(A, B, 17, b"hello", tos=tos)) is None
    assert marked(Ipv6Packet(A6, B6, 17, b"hello", traffic_class=tos)) is None


def test_a_vlan_tag_and_geneve_options_are_stepped_over() -> None:
    plain = datagram(Ipv4Packet(A, B, 17, b"hello", tos=2))
    tagged = plain[:20] + b"\x81\0\0\5" + plain[20:]
    made = mark_inner(tagged, Encap.VXLAN)
    assert made is not None and made[27] == 3
    geneve = datagram(Ipv4Packet(A, B, 17, b"hello", tos=2), Encap.GENEVE)
    with_option = bytes((geneve[0] | 2,)) + geneve[1:8] + bytes(8) + geneve[8:]
    made = mark_inner(with_option, Encap.GENEVE)
    assert made is not None and made[31] == 3


@given(st.binary(max_size=80), st.sampled_from(list(Encap)))
def test_any_bytes_come_back_in_their_length_or_not_at_all(data: bytes, encap: Encap) -> None:
    made = mark_inner(data, encap)
    assert made is None or len(made) == len(data)


@given(st.integers(0, 0xFFFF), st.sampled_from([1, 2, 3]))
def test_a_bad_checksum_stays_bad(identification: int, tos: int) -> None:
    """Its error is for the parser to find, not for us to mend."""
    good = datagram(Ipv4Packet(A, B, 17, b"hello", tos=tos))
    stored = int.from_bytes(good[32:34], "big")
    bad = good[:32] + identification.to_bytes(2, "big") + good[34:]
    made = mark_inner(bad, Encap.VXLAN)
    assert made is not None
    is_good = sum(int.from_bytes(made[at : at + 2], "big") for at in range(22, 42, 2)) % 0xFFFF == 0
    assert is_good == ((identification - stored) % 0xFFFF == 0)
