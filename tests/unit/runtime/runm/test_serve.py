"""`serve` in this process, with the engine that needs no model."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from runtime.runm import serve as module
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


@pytest.mark.loopback
def test_over_tcp_strangers_make_room(
    until: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 2)
    told: list[str] = []

    def is_ready() -> bool:
        told.append(capfd.readouterr().err)
        return "ready" in "".join(told)

    async def main() -> None:
        addresses = (Address(path=tmp_path / "s"), Address(host="127.0.0.1"))
        served = spawn(serve(ServeConfig(model=None, listen=addresses, engine="echo")), name="serve")
        await until(is_ready)
        found = re.search(r"http://127.0.0.1:(\d+)", "".join(told))
        assert found is not None
        strangers = [await asyncio.open_connection("127.0.0.1", int(found[1])) for _ in range(4)]
        for reader, _ in strangers[:2]:
            assert await reader.read() == b""
        async with aiohttp.ClientSession() as session, session.get(f"{found[0]}/health") as answer:
            assert answer.status == 200
        for _, writer in strangers:
            writer.close()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await served

    aio.run(main())


@pytest.mark.loopback
def test_a_connection_that_asks_for_nothing_ends(until: Any, tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def main() -> None:
        served = spawn(serve(config(path)), name="serve")
        await until(lambda: path.exists())
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\n")  # and no end of it
        assert await reader.read() == b""
        writer.close()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await served

    run_leaping(main(), 1000)
