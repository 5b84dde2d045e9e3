from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path

from bronzewillow.agent.leased import leased_pods
from bronzewillow.cni.leases import Leases

CIDR = IPv4Network("10.244.7.0/24")
CIDR_V6 = ip_network("fd00:7::/64")


def owns(address: bytes) -> bool:
    return ip_address(address) in CIDR or ip_address(address) in CIDR_V6


def test_a_socket_is_a_port(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    sockets = tmp_path / "p"
    leases.give([CIDR], (), "c1", "eth0", "pods", "default/tiny", sockets)
    (pod,) = leased_pods(leases, owns)
    assert (pod.name, pod.addresses, pod.ports) == ("default/tiny", (IPv4Address("10.244.7.1").packed,), ())
    (lease,) = leases.all()
    assert pod.credentials == ("c1", lease.password)
    sockets.mkdir()
    for name in ("8080.sock", "9000.tcp.sock", "0.sock", "70000.sock", "x.sock", "8081.sock.new"):
        (sockets / name).touch()
    (pod,) = leased_pods(leases, owns)
    assert [(port.port, port.protocol) for port in pod.ports] == [(8080, "http"), (9000, "tcp")]
    assert pod.ports[0].upstream.path == str(sockets / "8080.sock")


def test_leases_of_another_network_are_not_ours(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.give([IPv4Network("10.9.0.0/24")], (), "c1", "eth0", "pods", "", tmp_path)
    assert leased_pods(leases, owns) == ()


def test_both_addresses_of_an_attachment_are_one_pod(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    for name in ("c1", "c2"):
        leases.give([CIDR, CIDR_V6], (), name, "eth0", "pods", name, tmp_path)
    assert [
        (pod.name, [str(ip_address(one)) for one in pod.addresses]) for pod in leased_pods(leases, owns)
    ] == [
        ("c1", ["10.244.7.1", "fd00:7::1"]),
        ("c2", ["10.244.7.2", "fd00:7::2"]),
    ]
