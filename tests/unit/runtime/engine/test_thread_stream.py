"""A blocking call with a callback, read from the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bronzewillow.testing import aio
from runtime.engine.interface import EngineFailed, InvalidRequest
from runtime.engine.thread_stream import ThreadStream, in_thread


def test_items_in_order_then_the_end() -> None:
    def run(on_item: Callable[[int], bool]) -> None:
        for number in range(100):
            assert not on_item(number)

    async def main() -> list[int]:
        stream: ThreadStream[int] = ThreadStream(run)
        items = [item async for item in stream.chunks()]
        await stream.stop()
        return items

    assert aio.run(main()) == list(range(100))


def test_stop_ends_the_call_and_waits_for_it() -> None:
    ended = threading.Event()

    def run(on_item: Callable[[int], bool]) -> None:
        while not on_item(1):
            pass
        ended.set()

    async def main() -> None:
        stream: ThreadStream[int] = ThreadStream(run)
        async for _ in stream.chunks():
            break
        await stream.stop()
        assert ended.is_set()

    aio.run(main())


@pytest.mark.parametrize(("error", "seen"), [(ValueError, InvalidRequest), (RuntimeError, EngineFailed)])
def test_errors_of_the_call(error: type[Exception], seen: type[Exception]) -> None:
    def run(on_item: Callable[[int], bool]) -> None:
        on_item(1)
        raise error("why")

    async def main() -> None:
        stream: ThreadStream[int] = ThreadStream(run)
        items = []
        with pytest.raises(seen, match="why"):
            async for item in stream.chunks():
                items.append(item)
        assert items == [1]
        await stream.stop()

    aio.run(main())


def test_in_thread_passes_results_and_errors() -> None:
    def fail() -> None:
        raise ValueError("no")

    async def main() -> None:
        assert await in_thread(threading.get_ident) != threading.get_ident()
        with pytest.raises(ValueError, match="no"):
            await in_thread(fail)

    aio.run(main())
