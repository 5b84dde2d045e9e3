from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bronzewillow.host import kept
from bronzewillow.host.kept import keep
from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import end, run
from bronzewillow.testing.loopback import until


@pytest.mark.parametrize(
    "error", [OSError("it is full"), ValueError("it is full"), RuntimeError("it is full")]
)
def test_it_is_made_whenever_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    monkeypatch.setattr(kept, "_LOOK_EVERY_S", 0)
    path, tries = tmp_path / "s", 0

    async def listen() -> None:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise error
        path.touch()

    async def main() -> None:
        path.touch()
        keeping = spawn(keep(path, listen), name="kept")
        for _ in range(20):
            await asyncio.sleep(0)
        assert tries == 0
        for count in (2, 3):
            path.unlink()
            await until(lambda told=count: len(caplog.records) == told)  # type: ignore[misc]
        await end(keeping)

    run(main())
    again = f"{path}: was removed by somebody, and is there again"
    assert caplog.messages == [f"{path}: was removed, and cannot be made anew: it is full", again, again]
