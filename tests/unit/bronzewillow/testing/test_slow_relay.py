from __future__ import annotations

import socket
import threading
import urllib.request

import pytest

from bronzewillow.testing.slow_relay import slow_relay

pytestmark = pytest.mark.loopback


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
