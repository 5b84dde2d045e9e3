"""`serve` in this process, with the engine that needs no model."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing import aio
from runtime.runm.listen import Address, ListenError
from runtime.runm.serve import serve
from runtime.runm.serve_config import ServeConfig, ServeError


def config(path: Path, **fields: object) -> ServeConfig:
    return ServeConfig(model=None, listen=(Address(path=path),), engine="echo", **fields)  # type: ignore[arg-type]


@pytest.mark.loopback
def test_serves_until_sigterm(until: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s"

    async def main() -> None:
        served = spawn(serve(config(path, name="tiny")), name="serve")
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
            await until(lambda: path.exists())
            async with session.get("http://x/v1/models") as answer:
                assert (await answer.json())["data"][0]["id"] == "tiny"
        os.kill(os.getpid(), signal.SIGTERM)
        assert await served

    aio.run(main())
    assert not path.exists()
    assert capfd.readouterr().err == f"listening on unix:{path}\nready\n"


@pytest.mark.loopback
def test_running_answer_is_finished_before_the_end(until: Any, tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def main() -> None:
        served = spawn(serve(config(path, context_tokens=100_000)), name="serve")
        await until(lambda: path.exists())
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
            body = {"prompt": "a", "max_tokens": 3000, "ignore_eos": True, "stream": True}
            async with session.post("http://x/v1/completions", json=body) as answer:
                await answer.content.readany()
                os.kill(os.getpid(), signal.SIGTERM)
                assert (await answer.read()).endswith(b"data: [DONE]\n\n")
        assert await served

    aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize(("number", "is_taken"), [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_who_still_asks_after_sigterm_is_answered(
    until: Any, tmp_path: Path, number: signal.Signals, is_taken: bool
) -> None:
    path = tmp_path / "s"

    async def main() -> None:
        served = spawn(serve(config(path, linger_s=1e6)), name="serve")
        await until(lambda: path.exists())
        connector = aiohttp.UnixConnector(str(path), force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def ask() -> int:
                async with session.post("http://x/v1/completions", json={"prompt": "a"}) as answer:
                    return answer.status

            await ask()
            os.kill(os.getpid(), number)
            if is_taken:
                assert await ask() == 200
                os.kill(os.getpid(), number)  # in a hurry: no second of quiet
            assert await served

    aio.run(main())


@pytest.mark.parametrize(
    ("model", "why"),
    [(None, "say --model"), (Path("/nowhere.gguf"), "no such file"), (Path("/"), "is a folder")],
)
def test_models_that_cannot_be_served(model: Path | None, why: str, tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=why):
        aio.run(serve(ServeConfig(model=model, listen=(Address(path=tmp_path / "s"),))))


@pytest.mark.loopback
def test_second_address_in_use_frees_the_first(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    addresses = (Address(path=tmp_path / "s"), Address(path=tmp_path / "taken"))
    with pytest.raises(ListenError):
        aio.run(serve(ServeConfig(model=None, listen=addresses, engine="echo")))
    assert not (tmp_path / "s").exists()
