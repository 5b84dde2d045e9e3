from __future__ import annotations

import asyncio

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.streaming.inbox import Inbox


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_full_one_holds_back_whoever_feeds_it() -> None:
    async def main() -> None:
        inbox = Inbox(most_bytes=4)
        await inbox.feed(b"abc")
        feeding = spawn(inbox.feed(b"de"), name="feed")
        await turns()
        assert not feeding.done()
        assert await inbox.read() == b"abcde"
        await feeding
        inbox.end()
        assert await inbox.read() == b""

    run(main())


def test_what_came_before_the_end_is_read() -> None:
    async def main() -> None:
        inbox = Inbox()
        reading = spawn(inbox.read(), name="read")
        await turns()
        await inbox.feed(b"x")
        inbox.end()
        assert await reading == b"x"
        assert await inbox.read() == b""
        await inbox.feed(b"late")
        assert await inbox.read() == b""

    run(main())


@pytest.mark.parametrize("how", ["discard", "error"])
def test_nobody_waits_for_a_reader_that_has_gone(how: str) -> None:
    async def main() -> None:
        inbox = Inbox(most_bytes=1)
        feeding = spawn(inbox.feed(b"abc"), name="feed")
        await turns()
        inbox.discard() if how == "discard" else inbox.end(ConnectionResetError("gone"))
        await feeding
        if how == "error":
            with pytest.raises(ConnectionResetError, match="gone"):
                await inbox.read()
        else:
            await inbox.feed(b"more")

    run(main())
