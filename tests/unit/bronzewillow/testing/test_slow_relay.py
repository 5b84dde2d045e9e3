from __future__ import annotations

import socket
import threading
import urllib.request

import pytest

from bronzewillow.testing.slow_relay import slow_relay

pytestmark = pytest.mark.loopback


def test_it_lets_through_what_is_allowed() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        slow_relay(f"127.0.0.1:{server.getsockname()[1]}", 5_000_000) as relay,
    ):
        relay.allow(0)
        host, _, port = relay.host.rpartition(":")
        with socket.create_connection((host, int(port)), 60) as client:
            there, _ = server.accept()
            with there:
                there.sendall(b"x")
                client.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    client.recv(1)
                relay.allow(1)
                client.settimeout(60)
                assert client.recv(1) == b"x"


def test_it_takes_its_time_and_remembers_ranges() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
                connection.recv(1)

        thread = threading.Thread(target=answer_once)
        thread.start()
        with slow_relay(f"127.0.0.1:{server.getsockname()[1]}", 5_000_000) as relay:
            request = urllib.request.Request(f"http://{relay.host}/", headers={"Range": "bytes=5-9"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert len(answer.read()) == 100_000
            assert relay.ranges == [(5, 10)]
            assert relay.sent_bytes > 50_000
        thread.join(60)
