from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.testing.aio import run
from runtime.cri.shims import Shims
from runtime.ttrpc.errors import RpcError

pytestmark = pytest.mark.loopback
POD = "ab" * 32


def test_a_shim_is_started_once_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory(prefix="bw") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        (Path(name) / POD).mkdir()

        async def main() -> None:
            shims = Shims(Path(name))
            assert await shims.find(POD) is None
            first, second = await asyncio.gather(shims.get(POD), shims.get(POD))
            assert first is second
            with pytest.raises(RpcError):
                await first.pid("none")
            await first.kill("none", 9)
            await first.delete("none")  # no error: it is not there
            shims.disconnect()
            later = Shims(Path(name))
            assert await later.find(POD) is not None
            await later.end(POD)
            assert await later.find(POD) is None
            await later.end(POD)

        run(main())
        assert not list((Path(name) / "bronzewillow/s").iterdir())
