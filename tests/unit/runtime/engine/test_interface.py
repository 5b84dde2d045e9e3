"""The few lines of the contract that compute something."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bronzewillow.testing import aio
from runtime.engine.echo import EchoEngine
from runtime.engine.interface import ContextExceeded, EngineConfig


@pytest.mark.parametrize(("parallel", "batch"), [(1, 512), (3, 510), (4, 512), (200, 400)])
def test_batch_is_a_multiple_of_the_slots(parallel: int, batch: int) -> None:
    assert EngineConfig(Path(), parallel=parallel).batch_tokens == batch


def test_context_exceeded_carries_both_numbers() -> None:
    error = ContextExceeded(9, 4)
    assert (error.prompt_tokens, error.context_tokens) == (9, 4)
    assert "9 tokens," in str(error)
    assert "9 tokens or more," in str(ContextExceeded(9, 4, is_least=True))


def test_an_engine_within_the_process_does_not_die() -> None:
    async def main() -> None:
        died = asyncio.ensure_future(EchoEngine(EngineConfig(Path())).died())  # noqa: TID251
        for _ in range(5):
            await asyncio.sleep(0)
        assert not died.done()
        died.cancel()

    aio.run(main())
