"""What only one CNI's workers do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.vxlan import VXLAN
from scapy.utils import rdpcap

from bronzewillow.testing.lab.joined import OUTLET
from bronzewillow.testing.lab.peers.calico import Calico
from bronzewillow.testing.lab.peers.cases import Placed
from bronzewillow.testing.lab.peers.cilium import WORLD, identity_of
from bronzewillow.testing.lab.peers.kube_proxy import TARGET_PORT
from bronzewillow.testing.lab.sniffer import sniffing

pytestmark = pytest.mark.lab


@pytest.mark.cni("calico")
def test_calico_takes_tunnel_packets_of_known_vteps_alone(placed: Placed) -> None:
    """Why our annotation must have the very address that the agent sends from."""
    peer, worker = placed.peer, placed.lab.worker
    assert isinstance(peer, Calico)
    ping = ("ping", "-c", "1", "-W", "1", placed.mac_pods[0])
    entry = (peer.allowed(placed.family), placed.underlay.mac_out)
    worker.run("ipset", "del", *entry)
    try:
        assert placed.lab.pod.attempt(*ping).returncode == 1
    finally:
        worker.run("ipset", "add", *entry)
    placed.lab.pod.ping(placed.mac_pods[0])


@pytest.mark.cni("cilium")
def test_cilium_hears_who_speaks_by_the_vni(placed: Placed) -> None:
    """A pod by the number of its labels; our node, which has none, as somebody of the world."""
    lab, (pod, other) = placed.lab, placed.mac_pods
    identity = identity_of(lab.kubectl.cluster(placed.peer.cni), pod)
    assert identity == identity_of(lab.kubectl.cluster(placed.peer.cni), other) >= 256
    spoken = vnis_by_source(placed, lambda: lab.pod.ping(pod))
    assert spoken == {pod: {identity}}
    url = placed.url(placed.worker_pods[0], TARGET_PORT, "/client")
    spoken = vnis_by_source(placed, lambda: lab.ask(lab.mac, url, *lab.through_pod(0)))
    assert spoken == {pod: {identity}}
    spoken = vnis_by_source(placed, lambda: lab.ask(lab.mac, url, "-x", f"http://{OUTLET}"))
    assert spoken == {placed.peer.mac_node(placed.family): {WORLD}}


@pytest.mark.cni("cilium")
def test_cilium_tells_who_speaks_by_the_vni(placed: Placed) -> None:
    """Each of the worker's pods has an identity of its own, and all of them come in."""
    lab = placed.lab
    heard = [vnis_by_source(placed, partial(pod.ping, placed.mac_pods[0]), "in") for pod in lab.pods]
    assert [list(one) for one in heard] == [[address] for address in placed.worker_pods]
    assert len({vni for one in heard for vnis in one.values() for vni in vnis}) == len(lab.pods)


def vnis_by_source(placed: Placed, act: Callable[[], object], direction: str = "out") -> dict[str, set[int]]:
    """What the Mac's cable carries while `act` runs: VNIs by the inner source, neighbours' talk left out."""
    port, file = placed.overlay["port"], placed.peer.site.folder / "spoken.pcap"
    placed.lab.wait_for_silence()
    source = placed.underlay.mac_out if direction == "out" else placed.underlay.worker_out
    with sniffing(placed.lab.mac, file, f"udp dst port {port} and src host {source}"):
        act()
    found: dict[str, set[int]] = {}
    for packet in rdpcap(str(file)):
        if packet[UDP].dport != port:
            continue  # the sniffer's own mark
        tunnel = (GENEVE if placed.overlay["encap"] == "geneve" else VXLAN)(bytes(packet[UDP].payload))
        inner = tunnel.getlayer(IP if placed.family.version == 4 else IPv6)
        if inner is not None and not str(inner.src).startswith("fe80"):
            found.setdefault(str(inner.src), set()).add(tunnel.vni)
    return found
