"""Blocking calls of a C library, seen from the event loop. Their threads are daemons: an exit never waits
for one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, TypeVar

from runtime.engine.interface import EngineError, EngineFailed, InvalidRequest
from runtime.engine.llama_json import cause

_T = TypeVar("_T")


class ThreadStream(Generic[_T]):
    """One blocking call with a callback, run in a thread and read as an async iterator.

    Nothing ever blocks the callback: what it brings is bounded by the slot's context, and a blocked
    callback would keep the answer in llama.cpp's own queue instead, which is no smaller.
    """

    def __init__(self, run: Callable[[Callable[[_T], bool]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[_T | EngineError | None] = asyncio.Queue()
        self._done = asyncio.Event()
        self._cancelled = False
        self._run = run
        threading.Thread(target=self._main, name="generation", daemon=True).start()

    async def chunks(self) -> AsyncGenerator[_T, None]:
        while (item := await self._queue.get()) is not None:
            if isinstance(item, EngineError):
                raise item
            yield item

    async def stop(self) -> None:
        """End the call and wait for it; cancelling the caller does not cut the wait short."""
        self._cancelled = True
        cancelled: asyncio.CancelledError | None = None
        while not self._done.is_set():
            try:
                await self._done.wait()
            except asyncio.CancelledError as err:
                cancelled = err
        if cancelled is not None:
            raise cancelled

    def _main(self) -> None:
        last: EngineError | None = None
        try:
            if not self._cancelled:
                self._run(self._on_chunk)
        except EngineError as err:
            last = err
        except ValueError as err:  # what llama.cpp's std::invalid_argument becomes
            last = InvalidRequest(cause(str(err)))
        except Exception as err:
            last = EngineFailed(str(err))
        with contextlib.suppress(RuntimeError):  # the loop may have been closed by an exit in haste
            self._loop.call_soon_threadsafe(self._on_end, last)

    def _on_chunk(self, chunk: _T) -> bool:
        if not self._cancelled:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, chunk)
        return self._cancelled

    def _on_end(self, error: EngineError | None) -> None:
        if error is not None:
            self._queue.put_nowait(error)
        self._queue.put_nowait(None)
        self._done.set()


def in_thread(call: Callable[[], Any]) -> asyncio.Future[Any]:
    """Run `call` in a daemon thread, so that an exit never waits for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def main() -> None:
        result: Any = None
        error: Exception | None = None
        try:
            result = call()
        except Exception as err:
            error = err
        with contextlib.suppress(RuntimeError):  # the loop may have been closed by an exit in haste
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=main, name="xllamacpp", daemon=True).start()
    return future
