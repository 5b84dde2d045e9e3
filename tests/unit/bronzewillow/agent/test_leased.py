from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from bronzewillow.agent.leased import leased_pods
from bronzewillow.cni.leases import Leases

CIDR = IPv4Network("10.244.7.0/24")


def test_a_socket_is_a_port(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    sockets = tmp_path / "p"
    leases.give(CIDR, (), "c1", "eth0", "pods", "default/tiny", sockets)
    (pod,) = leased_pods(leases, CIDR)
    assert (pod.name, pod.addresses, pod.ports) == ("default/tiny", (IPv4Address("10.244.7.1").packed,), ())
    sockets.mkdir()
    for name in ("8080.sock", "9000.tcp.sock", "0.sock", "70000.sock", "x.sock", "8081.sock.new"):
        (sockets / name).touch()
    (pod,) = leased_pods(leases, CIDR)
    assert [(port.port, port.protocol) for port in pod.ports] == [(8080, "http"), (9000, "tcp")]
    assert pod.ports[0].upstream.path == str(sockets / "8080.sock")


def test_leases_of_another_network_are_not_ours(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.give(IPv4Network("10.9.0.0/24"), (), "c1", "eth0", "pods", "", tmp_path)
    assert leased_pods(leases, CIDR) == ()
