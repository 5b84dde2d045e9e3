"""VXLAN carries no authentication: forged sources are dropped, counted, and never answered."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.config import OtherPeer
from bronzewillow.testing.lab.node import HTTP_PORT, Node
from bronzewillow.testing.lab.plan import MAC_MAC, MAC_OUT, MAC_POD, STRANGER_OUT, WORKER_MAC, WORKER_OUT
from bronzewillow.testing.lab.sniffer import EMPTY_BYTES, read_capture, sniffing

pytestmark = pytest.mark.lab

POD, FOREIGN = "10.244.1.11", "10.244.9.9"
OTHER = OtherPeer("worker-2", "192.0.2.9", "02:aa:aa:aa:aa:09", "10.244.9.0/24")
COUNT, PORT = 5, 40_000
# From us, and inside UDP, VXLAN and Ethernet: TCP to our port, ARP to the foreign address, or ICMP to that.
_FOREIGN = int.from_bytes(socket.inet_aton(FOREIGN))
ANSWERS = (
    f"src host {MAC_OUT} and ((udp[39] = 6 and udp[52:2] = {PORT})"
    f" or (udp[28:2] = 0x0806 and udp[54:4] = {_FOREIGN}) or (udp[39] = 1 and udp[46:4] = {_FOREIGN}))"
)


@pytest.fixture(scope="module")
def two_peers(node: Node) -> Iterator[Node]:
    """The agent knows a second worker, so that a source may be another's."""
    node.reload([node.pod()], [OTHER])
    yield node
    node.reload([node.pod()])


def syn(source: str, destination: str = MAC_POD) -> Packet:
    """An inner frame that would be answered, were it believed."""
    inner = Ether(src=WORKER_MAC, dst=MAC_MAC)
    return inner / IP(src=source, dst=destination) / TCP(sport=PORT, dport=HTTP_PORT, flags="S", seq=1)


def datagram(node: Node, inner: Packet, *, outer: str = WORKER_OUT, vni: int | None = None) -> str:
    """The whole frame on the underlay, in hexadecimal."""
    plan = node.topology.plan
    link = node.topology.mac.run("cat", "/sys/class/net/out0/address").strip()
    frame = (
        Ether(dst=link)
        / IP(src=outer, dst=MAC_OUT)
        / UDP(sport=50000, dport=plan.port, chksum=0)
        / VXLAN(vni=plan.vni if vni is None else vni, flags=0x08)
        / inner
    )
    return bytes(frame).hex()


def inject(node: Node, frame: str) -> None:
    """Send it several times from the worker."""
    program = str(Path(__file__).with_name("inject.py"))
    node.topology.worker.run(sys.executable, program, "out0", input=f"{frame}\n" * COUNT)


def drops(node: Node, reason: str) -> int:
    """So many, as the agent's status says."""
    found: int = node.status()["drops"].get(reason, 0)
    return found


@contextmanager
def answers(node: Node) -> Iterator[Path]:
    """A capture of the datagrams that answer what these tests send, and of no others."""
    file = node.topology.folder / "answers"
    with sniffing(node.topology.mac, file, ANSWERS):
        yield file


CASES = {
    "a stranger's underlay address": ("unknown_outer_source", syn(POD), {"outer": STRANGER_OUT}),
    "another node's pod": ("spoofed_inner_source", syn(FOREIGN), {}),
    "an address of no node": ("spoofed_inner_source", syn("203.0.113.5"), {}),
    "our own pod": ("spoofed_inner_source", syn(MAC_POD), {}),
    "another node's own underlay address": ("spoofed_inner_source", syn(OTHER.address), {}),
    "a destination outside our pod CIDR": ("unknown_inner_destination", syn(POD, "10.244.8.1"), {}),
    "another network": ("wrong_vni", syn(POD), {"vni": 99}),
    "an ARP sender that is another's": (
        "spoofed_inner_source",
        Ether(src=WORKER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=FOREIGN, hwsrc=WORKER_MAC, pdst=MAC_POD),
        {},
    ),
    "a broken TCP checksum": (
        "bad_tcp_checksum",
        Ether(src=WORKER_MAC, dst=MAC_MAC)
        / IP(src=POD, dst=MAC_POD)
        / TCP(sport=PORT, dport=HTTP_PORT, flags="S", chksum=0x1234),
        {},
    ),
    "rubbish": ("truncated", Raw(b"\0" * 5), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_forged_and_broken_are_counted_and_not_answered(two_peers: Node, case: str) -> None:
    reason, inner, how = CASES[case]
    before = drops(two_peers, reason)

    def dropped() -> int:
        return drops(two_peers, reason) - before

    with answers(two_peers) as file:
        inject(two_peers, datagram(two_peers, inner, **how))  # type: ignore[arg-type]
        wait_until(lambda: dropped() >= COUNT, f"{COUNT} are counted as {reason}")
    assert dropped() == COUNT
    assert read_capture(file) == ""


def test_the_same_frame_from_its_rightful_sender_is_answered(two_peers: Node) -> None:
    """What the tests above send is right but for the forgery."""
    with answers(two_peers) as file:
        inject(two_peers, datagram(two_peers, syn(POD)))
        wait_until(lambda: file.stat().st_size > EMPTY_BYTES, "it is answered")


def test_ping_from_a_forged_source_has_no_reply(two_peers: Node) -> None:
    echo = Ether(src=WORKER_MAC, dst=MAC_MAC) / IP(src=FOREIGN, dst=MAC_POD) / ICMP(id=1, seq=1)
    before = drops(two_peers, "spoofed_inner_source")
    with answers(two_peers) as file:
        inject(two_peers, datagram(two_peers, echo))
        wait_until(
            lambda: drops(two_peers, "spoofed_inner_source") >= before + COUNT, "they are counted as forged"
        )
    assert read_capture(file) == ""
