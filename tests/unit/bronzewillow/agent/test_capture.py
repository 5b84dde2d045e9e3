"""Captures: what they show is right by scapy's reckoning, and they have a bound."""

from __future__ import annotations

import io
import socket
import struct
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet
from scapy.utils import PcapReader

from bronzewillow.agent.capture import Capture, outer_frame
from bronzewillow.testing.agents import running_agent
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback

HERE, THERE = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")


def frames(pcap: bytes) -> list[Packet]:
    with PcapReader(io.BytesIO(pcap)) as reader:
        return list(reader)


def has_good_checksums(packet: Packet) -> bool:
    """Whether scapy would have written every checksum of `packet` as it stands."""
    again = packet.copy()
    layer = again
    while layer:
        if "chksum" in layer.fields:
            del layer.chksum
        layer = layer.payload
    return bytes(again) == bytes(packet)


def test_a_request_is_seen_both_ways_with_good_checksums() -> None:
    async def main() -> tuple[bytes, int, int]:
        async with running_agent() as rig:
            capture = Capture(rig.agent.net.node)
            assert await rig.get("/captured") == (200, "/captured")
            capture.close()
            taken = capture.take()
            assert capture.frames == len(frames(taken))
            await rig.get("/after")
            assert not capture.take()
            return taken, rig.port, rig.peer_port

    taken, port, peer_port = run(main())
    seen = frames(taken)
    for packet in seen:
        packet[UDP].decode_payload_as(VXLAN)
        assert packet[VXLAN].vni == 1
        assert has_good_checksums(packet)
    assert {(packet[UDP].sport, packet[UDP].dport) for packet in seen} == {
        (port, peer_port),
        (peer_port, port),
    }
    inner = [packet[VXLAN][TCP] for packet in seen]
    assert inner[0].flags == "S"
    assert inner[1].flags == "SA"
    assert b"GET /captured" in b"".join(bytes(segment.payload) for segment in inner)
    times = [float(packet.time) for packet in seen]
    assert times == sorted(times)


def test_a_train_is_shown_as_its_datagrams() -> None:
    async def main() -> list[Packet]:
        async with running_agent() as rig:
            capture = Capture(rig.agent.net.node)
            for tap in rig.agent.net.node.taps:
                tap(bytes(250), 100, (HERE, 1), (THERE, 2))
            return frames(capture.take())

    seen = run(main())
    assert [packet[UDP].len - 8 for packet in seen] == [100, 100, 50]
    assert {(packet[IP].src, packet[IP].dst) for packet in seen} == {("192.0.2.1", "192.0.2.2")}


def test_without_a_reader_frames_are_lost_and_counted_not_kept() -> None:
    async def main() -> tuple[int, int, int]:
        async with running_agent() as rig:
            capture = Capture(rig.agent.net.node)
            (tap,) = rig.agent.net.node.taps
            for _ in range(400):
                tap(bytes(60_000), 0, (HERE, 1), (THERE, 2))
            held = len(capture.take())
            tap(bytes(100), 0, (HERE, 1), (THERE, 2))
            assert len(capture.take()) == 16 + 14 + 20 + 8 + 100
            return held, capture.frames, capture.lost

    held, shown, lost = run(main())
    assert held <= (16 << 20) + 70_000
    assert shown + lost == 401
    assert lost > 100


def test_straight_to_a_file(tmp_path: Path) -> None:
    async def main() -> int:
        async with running_agent() as rig:
            with (tmp_path / "all.pcap").open("wb") as file:
                capture = Capture(rig.agent.net.node, file=file)
                await rig.get("/x")
                capture.close()
                capture.close()
                return capture.frames

    count = run(main())
    assert len(frames((tmp_path / "all.pcap").read_bytes())) == count


def test_the_largest_datagram_is_shown_whole() -> None:
    frame = outer_frame(bytes(65_507), (HERE, 1), (THERE, 2))
    assert len(frame) == 14 + 65_535
    assert struct.unpack_from(">H", frame, 16) == (65_535,)


def test_a_frame_over_ipv6_has_good_checksums() -> None:
    here, there = bytes(15) + b"\1", bytes(15) + b"\2"
    whole = Ether(outer_frame(b"payload", (here, 1), (there, 2)))
    assert (whole[IPv6].src, whole[IPv6].dst, whole.src) == ("::1", "::2", "02:00:00:00:00:01")
    assert has_good_checksums(whole)
