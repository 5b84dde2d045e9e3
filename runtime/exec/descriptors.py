"""Pipes and terminals on the loop. Only what is asked for is read: that is the back-pressure."""

from __future__ import annotations

import asyncio
import errno
import os

_BLOCK = 32 << 10


class Descriptor:
    """One end, which is ours alone."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._patience_s: float | None = None
        self._waiting: asyncio.Future[None] | None = None
        os.set_blocking(number, False)

    async def read(self) -> bytes:
        """At least one byte, or nothing at the end."""
        while True:
            try:
                return os.read(self._number, _BLOCK)
            except BlockingIOError:
                if not await self._until_ready(reading=True):
                    return b""
            except OSError as error:
                if error.errno == errno.EIO:  # a terminal that no process has open any more (Linux)
                    return b""
                raise

    async def write(self, data: bytes) -> None:
        """All of it. BrokenPipeError when nobody reads."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._number, view) :]
            except BlockingIOError:
                await self._until_ready(reading=False)
            except OSError as error:
                if error.errno == errno.EIO:
                    raise BrokenPipeError(errno.EPIPE, "nobody has the terminal open") from None
                raise

    def finish(self, patience_s: float) -> None:
        """Whoever wrote has ended: what is there is still read, and a silence of `patience_s` is the end."""
        self._patience_s = patience_s
        if self._waiting is not None:
            _settle(self._waiting)

    def fileno(self) -> int:
        """Its number, for ioctl."""
        return self._number

    def close(self) -> None:
        """Again is no error."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    async def _until_ready(self, *, reading: bool) -> bool:
        """False when patience is over."""
        loop = asyncio.get_running_loop()
        add, remove = (
            (loop.add_reader, loop.remove_reader) if reading else (loop.add_writer, loop.remove_writer)
        )
        ready: asyncio.Future[None] = loop.create_future()
        add(self._number, _settle, ready)
        if reading:
            self._waiting = ready
        try:
            async with asyncio.timeout(self._patience_s if reading else None):
                await ready
        except TimeoutError:
            return False
        finally:
            remove(self._number)
        return True


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
