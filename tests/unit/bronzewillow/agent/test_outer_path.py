"""What a socket is told of the paths below it, on loopback."""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys

import pytest

from bronzewillow.agent import outer_path
from bronzewillow.agent.outer_path import ask_for_errors, path_mtu, set_fragmenting, take_errors

pytestmark = pytest.mark.loopback

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only this kernel tells")
either_family = pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])


def udp(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)


@linux_only
@either_family
def test_the_kernel_tells_the_path_mtu(host: str) -> None:
    assert path_mtu((host, 9), 70_000) in (65_535, 65_536)  # loopback's


@pytest.mark.parametrize(
    ("sent", "smaller"), [(9050, 9000), (1500, 1492), (1492, 1480), (1281, 1280), (577, 576), (100, 576)]
)
def test_where_it_tells_nothing_the_next_usual_size_is_tried(sent: int, smaller: int) -> None:
    assert path_mtu(("127.0.0.1", 9), sent) == smaller  # loopback takes them all: its figure is of no use


@linux_only
@either_family
def test_icmp_errors_are_queued_and_told_once(host: str) -> None:
    with udp(host) as sender, udp(host) as closed:
        closed.bind((host, 0))
        to = closed.getsockname()
        closed.close()
        ask_for_errors(sender)
        sender.sendto(b"anybody?", to)
        assert select.select([sender], [], [], 5)[0]
        assert take_errors(sender) == ["icmp_econnrefused"]
        assert take_errors(sender) == []


@linux_only
def test_errors_of_our_own_kernel_are_no_icmp(monkeypatch: pytest.MonkeyPatch) -> None:
    local = struct.pack("=IBBBBII", errno.EMSGSIZE, 1, 0, 0, 0, 1400, 0)
    strange = struct.pack("=IBBBBII", 12345, 2, 3, 9, 0, 0, 0)
    queued = [[(0, 11, local)], [(0, 11, strange)], [(0, 11, b"short")], [(0, 8, local)]]

    class Queue:
        family = socket.AF_INET

        def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
            if not queued:
                raise BlockingIOError
            return b"", queued.pop(0), 0, None

    assert take_errors(Queue()) == ["icmp_unknown"]  # type: ignore[arg-type]


@linux_only
@either_family
def test_a_datagram_is_fragmented_only_where_that_is_allowed(host: str) -> None:
    level, option = outer_path._MTU_DISCOVER[socket.AF_INET6 if ":" in host else socket.AF_INET]
    with udp(host) as sock:
        for allowed, value in ((False, 2), (True, 0), (False, 2)):
            set_fragmenting(sock, allowed)
            assert sock.getsockopt(level, option) == value


@pytest.mark.parametrize(("allowed", "value"), [(True, 0), (False, 1)])
def test_on_a_mac_the_option_says_dont(monkeypatch: pytest.MonkeyPatch, allowed: bool, value: int) -> None:
    calls: list[tuple[int, ...]] = []

    class Socket:
        family = socket.AF_INET6

        def setsockopt(self, *call: int) -> None:
            calls.append(call)

    monkeypatch.setattr(outer_path, "_LINUX", False)
    monkeypatch.setattr(sys, "platform", "darwin")
    set_fragmenting(Socket(), allowed)  # type: ignore[arg-type]
    assert calls == [(41, 62, value)]
    assert take_errors(Socket()) == []  # type: ignore[arg-type]
