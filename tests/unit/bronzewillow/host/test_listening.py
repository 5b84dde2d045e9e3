from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from bronzewillow.host.listening import ONE, tell_scarcity_shortly, with_queue
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until

pytestmark = pytest.mark.loopback


def test_a_lack_of_descriptors_is_one_line_until_the_next_try(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one for each place in the queue."""

    def scarce(listener: socket.socket) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def main() -> None:
        tell_scarcity_shortly()
        server = await listening()
        with socket.create_connection(server.sockets[0].getsockname()):
            await until(lambda: bool(caplog.records))
        server.close()

    monkeypatch.setattr(socket.socket, "accept", scarce)
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 3600)
    run(main())
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage().startswith("Too many open files: connections wait")


def test_what_is_lacking_is_told_anew_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        tell_scarcity_shortly()
        loop = asyncio.get_running_loop()
        now = loop.time()
        error = OSError(errno.ENFILE, os.strerror(errno.ENFILE))
        for moment, lines in ((now, 1), (now, 1), (now + 0.4, 1), (now + 1, 2), (now + 1, 2)):
            monkeypatch.setattr(loop, "time", lambda moment=moment: moment)
            loop.call_exception_handler({"message": "no more", "exception": error, "socket": object()})
            assert len(caplog.records) == lines

    run(main())


def test_many_may_wait_for_a_loop_that_is_busy() -> None:
    async def main() -> None:
        server = await listening()
        place = server.sockets[0].getsockname()
        clients = [socket.create_connection(place, 9) for _ in range(50)]  # the loop does not run meanwhile
        for client in clients:
            client.setblocking(False)
            assert await asyncio.get_running_loop().sock_recv(client, 9) == b"hello"
            client.close()
        server.close()

    run(main())


def test_other_failures_are_told_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        tell_scarcity_shortly()
        error = OSError(errno.EMFILE, "Too many open files")
        asyncio.get_running_loop().call_exception_handler({"message": "a task", "exception": error})

    run(main())
    (record,) = caplog.records
    assert record.exc_info is not None


async def listening() -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await with_queue(loop.create_server(_Hello, "127.0.0.1", 0, backlog=ONE))


class _Hello(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()
