"""A TCP relay that is slow, and remembers which byte ranges were asked for: a registry behind a bad line.

It may also be told how much it lets through, and then stops: so a test decides how far its client gets.
"""

from __future__ import annotations

import asyncio
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bronzewillow.host.tasks import spawn

_BLOCK = 64 << 10
_RANGE = re.compile(rb"\r\nRange: bytes=(\d+)-(\d+)\r\n", re.IGNORECASE)


class SlowRelay:
    """Runs on a loop of its own, in a thread."""

    def __init__(self, upstream: str, bytes_per_s: int) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._pause_s = _BLOCK / bytes_per_s
        self._turn = asyncio.Lock()
        self._allowed_bytes = math.inf
        self._more = asyncio.Event()
        self.host = ""
        self.ranges: list[tuple[int, int]] = []
        """First byte asked for, and the one after the last."""
        self.sent_bytes = 0
        """To clients."""

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def allow(self, count: float) -> None:
        """So many bytes of answers may pass from now on, about; for other threads. `math.inf` for all."""

        def allow() -> None:
            self._allowed_bytes = count
            self._more.set()

        self._loop.call_soon_threadsafe(allow)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.close()
            return
        tasks = [
            spawn(self._requests(reader, back), name="requests"),
            spawn(self._answers(there, writer), name="answers"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for one in (writer, back):
                one.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_BLOCK):
                self.ranges += [(int(a), int(b) + 1) for a, b in _RANGE.findall(data)]
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_BLOCK):
                async with self._turn:  # all connections share the line
                    while self._allowed_bytes <= 0:
                        self._more.clear()
                        await self._more.wait()
                    self._allowed_bytes -= len(data)
                    await asyncio.sleep(self._pause_s * len(data) / _BLOCK)
                writer.write(data)
                await writer.drain()
                self.sent_bytes += len(data)
        except OSError:
            return


@contextmanager
def slow_relay(upstream: str, bytes_per_s: int) -> Iterator[SlowRelay]:
    """One while inside; `upstream` is HOST:PORT."""
    relay = SlowRelay(upstream, bytes_per_s)
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        server = await relay.start()
        ready.set()
        await stop.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    ready.wait(10)
    try:
        yield relay
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
