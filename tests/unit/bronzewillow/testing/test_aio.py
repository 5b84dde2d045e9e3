from __future__ import annotations

import asyncio

import pytest

from bronzewillow.testing.aio import run


def test_it_returns_what_the_coroutine_returns() -> None:
    async def main() -> int:
        return 5

    assert run(main()) == 5


def test_it_has_a_deadline() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run(main(), timeout_s=0.01)
