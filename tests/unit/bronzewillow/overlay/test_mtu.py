"""MTU arithmetic by encapsulation and family, and how long a smaller path is believed."""

from __future__ import annotations

import socket

import pytest

from bronzewillow.adapters.objects import overlay_mtu
from bronzewillow.overlay.mtu import EXPIRES, PathMtus, outer_bytes
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.overlay.vtep import Datagrams, TooBig, Vtep
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet

ADDRESSES = {
    4: (socket.inet_aton("192.0.2.2"), socket.inet_aton("192.0.2.1")),
    6: (socket.inet_pton(socket.AF_INET6, "2001:db8::2"), socket.inet_pton(socket.AF_INET6, "2001:db8::1")),
}
PODS = {
    4: (socket.inet_aton("10.244.7.9"), socket.inet_aton("10.244.1.9")),
    6: (socket.inet_pton(socket.AF_INET6, "fd00:7::9"), socket.inet_pton(socket.AF_INET6, "fd00:1::9")),
}
HEADERS = {4: 20, 6: 40}
W1 = socket.inet_aton("192.0.2.1")


@pytest.mark.parametrize(
    ("underlay", "outer", "inner"),
    [
        *((1500, 4, 1450), (1500, 6, 1430), (9000, 4, 8950), (9000, 6, 8930)),
        *((1420, 4, 1370), (1420, 6, 1350), (1350, 6, 1280), (65_535, 4, 65_000)),
    ],
)
@pytest.mark.parametrize("encap", list(Encap))
@pytest.mark.parametrize("family", [4, 6])
def test_what_an_underlay_leaves_just_fits_it(
    underlay: int, outer: int, inner: int, encap: Encap, family: int
) -> None:
    ours, theirs = ADDRESSES[outer]
    assert overlay_mtu(underlay, len(ours)) == inner
    prefixes = tuple((end, 8 * len(end)) for end in PODS[family])
    peer = Peer("worker-1", theirs, 8472, b"\x02aaaaa", prefixes[1:])
    vtep = Vtep(OverlaySpec(encap, ours, 8472, 1, prefixes[:1], b"\x02bbbbb", inner, (peer,)))
    kind = Ipv4Packet if family == 4 else Ipv6Packet
    sent = vtep.encap(kind(*PODS[family], 17, bytes(inner - HEADERS[family])), 0)
    assert isinstance(sent, Datagrams) and not sent.fragmented
    outer_ip_and_udp = HEADERS[outer] + 8
    if inner < 65_000:
        assert outer_ip_and_udp + len(sent.buffer) == underlay
    assert vtep.encap(kind(*PODS[family], 17, bytes(inner - HEADERS[family] + 1)), 0) == TooBig(inner)


@pytest.mark.parametrize(("address", "cost"), [(bytes(4), 50), (bytes(16), 70)])
def test_what_stands_before_a_packet(address: bytes, cost: int) -> None:
    assert outer_bytes(len(address)) == cost


def test_a_path_mtu_is_believed_for_ten_minutes() -> None:
    paths = PathMtus()
    assert paths.towards(W1, 1450, 0) == 1450
    assert paths.learn(W1, 1400, 1000) == 1350
    assert paths.towards(W1, 1450, 1000 + EXPIRES - 1) == 1350
    assert paths.towards(W1, 1450, 1000 + EXPIRES) == 1450


def test_a_path_never_takes_more_than_the_overlay() -> None:
    paths = PathMtus()
    paths.learn(W1, 9000, 0)
    assert paths.towards(W1, 1450, 1) == 1450


def test_whoever_is_no_peer_any_more_is_forgotten() -> None:
    paths = PathMtus()
    paths.learn(W1, 1400, 0)
    paths.keep({bytes(4)})
    assert paths.towards(W1, 1450, 1) == 1450


def test_an_absurd_figure_leaves_a_size() -> None:
    assert PathMtus().learn(W1, 0, 0) == 1
