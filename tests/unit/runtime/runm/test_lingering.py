"""How long a replica that is told to end listens on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bronzewillow.testing import aio
from runtime.engine.echo import EchoEngine
from runtime.engine.interface import EngineConfig
from runtime.openai.service import ModelCard, Service
from runtime.runm.lingering import QUIET_S, RECENT_S, linger, remaining_s


@pytest.mark.parametrize(
    ("now_s", "asked_s", "left_s"),
    [
        (100.0, float("-inf"), 0.0),
        (100.0, 100.0 - RECENT_S - 1, 0.0),
        (100.0, 95.0, QUIET_S),
        (100.5, 100.4, QUIET_S - 0.1),
        (101.0, 95.0, 0.0),
        (104.8, 104.7, 0.2),
        (105.0, 105.0, 0.0),
    ],
    ids=["never asked", "long ago", "lately", "since", "quiet", "still asked, near the limit", "the limit"],
)
def test_an_end_waits_for_quiet(now_s: float, asked_s: float, left_s: float) -> None:
    assert remaining_s(now_s, 100.0, asked_s, 5.0) == pytest.approx(left_s)


def service() -> Service:
    return Service(EchoEngine(EngineConfig(Path())), ModelCard("m"), slots=1, queue_limit=1)


def test_who_is_not_asked_ends_at_once() -> None:
    aio.run(linger(service(), asyncio.Event(), 1e6))


def test_a_hurry_ends_the_wait() -> None:
    async def main() -> None:
        one, hurry = service(), asyncio.Event()
        one.asked_s = time.monotonic() + 1e6
        waiting = asyncio.ensure_future(linger(one, hurry, 1e6))  # noqa: TID251
        await asyncio.sleep(0)
        assert not waiting.done()
        hurry.set()
        await waiting

    aio.run(main())
