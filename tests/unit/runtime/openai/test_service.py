"""One model, served: phases, names, and who holds a slot for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.engine.echo import EchoEngine
from runtime.engine.interface import EngineConfig, Event, Generation, Piece, Progress
from runtime.openai.errors import ApiError
from runtime.openai.service import ModelCard, Phase, Service


def service(engine: EchoEngine | None = None) -> Service:
    engine = engine or EchoEngine(EngineConfig(Path(), parallel=2))
    return Service(engine, ModelCard("tiny"), slots=2, queue_limit=1)


def test_phases() -> None:
    async def main() -> None:
        one = service()
        for phase in (Phase.LOADING, Phase.DRAINING):
            one.phase = phase
            with pytest.raises(ApiError) as caught:
                one.require_ready()
            assert caught.value.status == 503
        await one.load()
        one.require_ready()
        assert one.info.slots == 2

    aio.run(main())


def test_names() -> None:
    one = service()
    one.require_model("tiny:latest")
    one.require_model(None)
    with pytest.raises(ApiError):
        one.require_model("other")


def test_slots_are_free_when_the_engine_has_ended_though_nobody_has_read(until: Any) -> None:
    async def main() -> None:
        one = service()
        async with one.run(Generation(prompt="a b c"), param="prompt") as batches:
            first = await anext(batches)
            await until(lambda: not one.admission.busy)
            rest = [event for batch in [first, *[batch async for batch in batches]] for event in batch]
        assert [event.text for event in rest if isinstance(event, Piece)] == ["a", " b", " c"]

    aio.run(main())


def test_what_cannot_fit_by_its_length_waits_for_no_slot() -> None:
    async def main() -> None:
        one = service()
        await one.load()
        one.info = replace(one.info, longest_token_bytes=4)
        async with (
            one.admission.enter(2),
            one.run(Generation(prompt="x" * 20_000), param="prompt") as batches,
        ):
            with pytest.raises(ApiError) as caught:
                await anext(batches)
        assert caught.value.body["error"]["code"] == "context_length_exceeded"

    aio.run(main())


def test_leaving_frees_the_slots() -> None:
    async def main() -> None:
        engine = EchoEngine(EngineConfig(Path(), parallel=2), pace=asyncio.Event().wait)
        one = service(engine)
        async with one.run(Generation(prompt="a", choices=2), param="prompt") as batches:
            assert await anext(batches) == [Progress(1, 1)]
            assert engine.running == one.admission.busy == 2
        assert engine.running == one.admission.busy == 0

    aio.run(main())


def test_engine_that_breaks_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(EchoEngine):
        async def generate(self, request: Generation) -> AsyncGenerator[Event, None]:
            yield Progress(1, 1)
            raise KeyError("bug")

    async def main() -> None:
        one = service(Broken(EngineConfig(Path())))
        with pytest.raises(ApiError) as caught:
            async with one.run(Generation(prompt="a"), param="prompt") as batches:
                async for _ in batches:
                    pass
        assert caught.value.status == 500
        assert "bug" not in str(caught.value)

    aio.run(main())
    assert "bug" in caplog.text


def test_until_idle() -> None:
    async def main() -> None:
        one = service()
        await one.until_idle()
        with one.request(asks=True):
            waiting = asyncio.ensure_future(one.until_idle())  # noqa: TID251
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    aio.run(main())
