"""A port is free, and given to one alone, in this process and in others."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from bronzewillow.testing import ports

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_a_udp_port_can_be_bound_again_and_again(host: str) -> None:
    port = ports.free_udp_port(host)
    for _ in range(2):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.bind((host, port))


def test_a_tcp_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", ports.free_tcp_port())):
        pass


def test_neighbours() -> None:
    low, high = ports.free_udp_neighbours()
    assert high == low + 1
    for port in (low, high):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.bind(("127.0.0.1", port))


def test_none_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_LAST", ports._FIRST + 40)
    given = [ports.free_udp_port() for _ in range(5)]
    assert len(set(given)) == 5
    asked = f"""
from bronzewillow.testing import ports
ports._LAST = {ports._LAST}
print(*(ports.free_udp_port() for _ in range(5)))
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert set(given).isdisjoint(map(int, done.stdout.split()))


def test_what_others_use_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    port = ports.free_udp_port()
    monkeypatch.setattr(ports, "_FIRST", port)
    monkeypatch.setattr(ports, "_LAST", port + 1)
    with pytest.raises(RuntimeError, match="no port of"):
        ports.free_udp_port()


def test_descriptors_are_spared() -> None:
    for _ in range(70):
        ports.free_tcp_port()
    assert len(ports._held) <= 64
