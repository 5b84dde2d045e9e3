"""What peers of each CNI do not send is dropped under its own name, and not answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from bronzewillow.adapters.network import Cni
from bronzewillow.kube.resources import NODES
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.environment import choose_python
from bronzewillow.testing.lab.joined import METRICS, Joined
from bronzewillow.testing.lab.peers.cases import Placed
from bronzewillow.testing.lab.peers.peer import WORKER_NODE

pytestmark = pytest.mark.lab

COUNT = 5
WORKER_MAC, ANY_MAC = "02:aa:aa:aa:aa:01", "02:99:99:99:99:99"
FOREIGN = {4: "203.0.113.5", 6: "2001:db8:bad::5"}
CRITICAL = bytes.fromhex(
    "014b8101c0000201"
)  # class and type of Cilium's DSR option, which says it is critical
KERNELS = pytest.mark.cni("flannel", "calico")


def echo(placed: Placed, *, source: str = "", mac: str = "") -> Packet:
    """An inner frame that would be answered, once and for all, were it believed."""
    layer, request = (IP, ICMP(id=1)) if placed.family.version == 4 else (IPv6, ICMPv6EchoRequest(id=1))
    ends = layer(src=source or placed.worker_pods[0], dst=placed.mac_pods[0])
    return Ether(src=WORKER_MAC, dst=mac or placed.overlay["mac"]) / ends / request


def datagram(placed: Placed, inner: Packet, *, vni: int | None = None) -> bytes:
    """What goes into UDP, with the header that this cluster's peers send."""
    overlay = placed.overlay
    number = overlay["vni"] if vni is None else vni
    if overlay["encap"] == "vxlan":
        return bytes(VXLAN(vni=number, flags=0x08) / inner)
    return bytes(GENEVE(vni=number, proto=0x6558) / inner)


def send(placed: Placed, payload: bytes, *, outer: str = "") -> int:
    """Send it several times by the worker's cable; how many datagrams the agent sent meanwhile.

    It gets and sends nothing else: no connection is left by then that would.
    """
    lab, overlay, family = placed.lab, placed.overlay, placed.underlay
    layer = IP if family.version == 4 else IPv6
    link = lab.mac.run("cat", "/sys/class/net/out0/address").strip()
    ends = layer(src=outer or family.worker_out, dst=family.mac_out)
    frame = Ether(dst=link) / ends / UDP(sport=50000, dport=overlay["port"]) / Raw(payload)
    lab.wait_for_silence()
    before = quiet(lab)
    program = Path(__file__).with_name("inject.py").read_text()
    lab.worker.run(choose_python(), "-c", program, "out0", input=f"{bytes(frame).hex()}\n" * COUNT)
    arrived = before["in"] + COUNT
    wait_until(lambda: lab.status()["datagrams"]["in"] >= arrived, "the frames have arrived")
    sent: int = lab.status()["datagrams"]["out"] - before["out"]
    return sent


def quiet(lab: Joined) -> dict[str, int]:
    """The agent's datagrams, once what was going on has ended: a last ACK may be late by 40 ms."""
    seen: list[dict[str, int]] = [lab.status()["datagrams"]]

    def stands() -> bool:
        time.sleep(0.06)
        seen.append(lab.status()["datagrams"])
        return seen[-1] == seen[-2]

    wait_until(stands, "no datagram for a moment")
    return seen[-1]


def assert_dropped(placed: Placed, reason: str, payload: bytes, *, outer: str = "") -> None:
    before = placed.lab.drops().get(reason, 0)
    assert send(placed, payload, outer=outer) == 0
    drops = placed.lab.drops()
    assert drops.get(reason, 0) == before + COUNT, drops
    metrics = placed.lab.mac.run("curl", "-sSf", "-m", "10", f"http://{METRICS}/metrics")
    assert f'bronzewillow_drops_total{{reason="{reason}"}} {float(drops[reason])}\n' in metrics


def tagged(placed: Placed) -> bytes:
    frame = echo(placed)
    return datagram(placed, Ether(src=frame.src, dst=frame.dst) / Dot1Q(vlan=7) / frame.payload)


FORGERIES: dict[str, tuple[str, Callable[[Placed], bytes]]] = {
    "an inner source of nobody": (
        "spoofed_inner_source",
        lambda placed: datagram(placed, echo(placed, source=FOREIGN[placed.family.version])),
    ),
    "an inner source of ours": (
        "spoofed_inner_source",
        lambda placed: datagram(placed, echo(placed, source=placed.mac_pods[1])),
    ),
    "a frame cut short": ("truncated", lambda placed: datagram(placed, echo(placed))[:40]),
    "a VLAN tag": ("vlan_tagged", tagged),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_and_broken(placed: Placed, forgery: str) -> None:
    reason, make = FORGERIES[forgery]
    assert_dropped(placed, reason, make(placed))


def test_an_outer_source_that_is_no_node(placed: Placed) -> None:
    payload = datagram(placed, echo(placed))
    assert_dropped(placed, "unknown_outer_source", payload, outer=placed.underlay.stranger_out)


@KERNELS
def test_another_vni(placed: Placed) -> None:
    assert_dropped(placed, "wrong_vni", datagram(placed, echo(placed), vni=99))


@pytest.mark.cni("antrea", "cilium")
def test_any_vni_is_taken_where_it_names_no_network(placed: Placed) -> None:
    assert send(placed, datagram(placed, echo(placed), vni=12345)) == COUNT


@pytest.mark.parametrize("mac", [ANY_MAC, "00:00:00:00:00:00", "aa:bb:cc:dd:ee:ff"])
def test_any_inner_mac_is_taken(placed: Placed, mac: str) -> None:
    """As CNIs differ in them: Cilium's are none in particular, Antrea's are all the same.

    Flannel's and Calico's peers promise to know ours, so that another one is told of, by peer.
    """
    before = foreign_macs(placed)
    assert send(placed, datagram(placed, echo(placed, mac=mac))) == COUNT
    is_promised = placed.peer.cni in (Cni.FLANNEL, Cni.CALICO)
    assert foreign_macs(placed) - before == (COUNT if is_promised else 0)


def foreign_macs(placed: Placed) -> int:
    """As its status tells of the worker."""
    return sum(peer["foreign_macs"] for peer in placed.lab.status()["peers"])


def test_a_frame_of_ours_that_comes_back(placed: Placed) -> None:
    looped = echo(placed, source=placed.mac_pods[1])
    looped.src = placed.overlay["mac"]
    assert_dropped(placed, "spoofed_inner_source", datagram(placed, looped))


@pytest.mark.cni("antrea-geneve", "cilium-geneve")
def test_an_unknown_critical_option(placed: Placed) -> None:
    payload = bytearray(datagram(placed, echo(placed)))
    payload[0] |= len(CRITICAL) // 4
    payload[1] |= 0x40
    assert_dropped(placed, "geneve_critical_option", bytes(payload[:8] + CRITICAL + payload[8:]))


@KERNELS
def test_a_kernel_peer_drops_another_mac_than_its_own(placed: Placed) -> None:
    """Why what we read of a Node's MAC must be right to the byte, and be followed when it changes."""
    ping = ("ping", "-c", "1", "-W", "1", placed.mac_pods[0])

    def answers() -> bool:
        return placed.lab.pod.attempt(*ping).returncode == 0

    announce_mac(placed, ANY_MAC)
    try:
        wait_until(lambda: not answers(), "the agent sends to the MAC that the Node now has")
    finally:
        announce_mac(placed, placed.peer.mac(placed.family))
    wait_until(answers, "the agent sends to the right one again")


def announce_mac(placed: Placed, mac: str) -> None:
    """Change what the worker's Node says."""
    notes = {"metadata": {"annotations": placed.peer.mac_annotations(placed.family, mac)}}
    placed.lab.kubectl.patch(NODES, WORKER_NODE, notes)
