from __future__ import annotations

import pytest

from bronzewillow.wire import nd
from bronzewillow.wire.errors import DropReason, WireError

TARGET = bytes.fromhex("fd00000a00000000000000000000a70a")
MAC = b"\x02\xbb\xbb\xbb\xbb\x01"


@pytest.mark.parametrize(
    "message",
    [
        nd.NeighborSolicitation(TARGET),
        nd.NeighborSolicitation(TARGET, MAC),
        nd.NeighborAdvertisement(TARGET, MAC, solicited=True, override=True),
        nd.NeighborAdvertisement(TARGET, router=True),
    ],
)
def test_round_trip(message: nd.NeighborMessage) -> None:
    assert nd.parse_neighbor(*nd.emit_neighbor(message)) == message


def test_an_advertisement_on_the_wire() -> None:
    kind, body = nd.emit_neighbor(nd.NeighborAdvertisement(TARGET, MAC, solicited=True, override=True))
    assert kind == 136
    assert body == bytes.fromhex("60000000") + TARGET + bytes.fromhex("0201") + MAC


def test_options_that_are_not_asked_for_are_skipped() -> None:
    others = bytes.fromhex("0e01") + bytes(6) + bytes.fromhex("0102") + bytes(14)
    assert nd.parse_neighbor(nd.SOLICITATION, bytes(4) + TARGET + others) == nd.NeighborSolicitation(TARGET)


@pytest.mark.rfc("4861:7.1.1")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(19),
        bytes(4) + b"\xff\x02" + bytes(14),
        bytes(4) + TARGET + b"\x01\x00" + bytes(6),
        bytes(4) + TARGET + b"\x01\x02" + bytes(6),
        bytes(4) + TARGET + b"\x01",
    ],
)
def test_malformed(body: bytes) -> None:
    with pytest.raises(WireError) as caught:
        nd.parse_neighbor(nd.SOLICITATION, body)
    assert caught.value.reason is DropReason.BAD_ICMP


def test_addresses() -> None:
    assert nd.is_link_local(b"\xfe\x80" + bytes(14)) and nd.is_link_local(b"\xfe\xbf" + bytes(14))
    assert not nd.is_link_local(b"\xfe\xc0" + bytes(14)) and not nd.is_link_local(b"\xfe\x80\0\0")
