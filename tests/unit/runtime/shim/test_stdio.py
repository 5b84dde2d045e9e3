from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.shim.stdio import Stdio
from runtime.ttrpc.errors import Code, RpcError


def write(stdio: Stdio) -> None:
    """As the container does."""
    for descriptor, text in zip(stdio.descriptors, (b"out\n", b"err"), strict=True):
        os.write(descriptor, text)


def test_a_log(tmp_path: Path) -> None:
    async def main() -> None:
        stdio = Stdio(f"cri://{tmp_path}/0.log", "")
        write(stdio)
        stdio.handed_over()
        await stdio.drained(60)
        stdio.close()

    run(main())
    lines = (tmp_path / "0.log").read_text().splitlines()
    assert sorted(line.partition(" ")[2] for line in lines) == ["stderr F err", "stdout F out"]


def test_what_a_child_holds_open_is_not_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        stdio = Stdio(f"cri://{tmp_path}/0.log", "")
        held = os.dup(stdio.descriptors[0])
        stdio.handed_over()
        await stdio.drained(0.01)
        os.write(held, b"late\n")
        stdio.close()
        os.close(held)

    run(main())
    assert "stdout F late\n" in (tmp_path / "0.log").read_text()


def test_a_pipe_that_nobody_reads_yet(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    (tmp_path / "err").touch()

    async def main() -> bytes:
        stdio = Stdio(str(tmp_path / "out"), f"file://{tmp_path}/err")
        write(stdio)
        reader = os.open(tmp_path / "out", os.O_RDONLY | os.O_NONBLOCK)
        found = os.read(reader, 100)
        os.close(reader)
        stdio.close()
        return found

    assert run(main()) == b"out\n"
    assert (tmp_path / "err").read_text() == "err"


def test_nowhere() -> None:
    async def main() -> None:
        stdio = Stdio("", "")
        write(stdio)
        await asyncio.sleep(0)
        stdio.close()

    run(main())


@pytest.mark.parametrize(
    ("uri", "code"),
    [("binary:///usr/bin/logger", Code.UNIMPLEMENTED), ("/none/pipe", Code.INVALID_ARGUMENT)],
)
def test_refusals(uri: str, code: Code) -> None:
    async def main() -> None:
        with pytest.raises(RpcError) as raised:
            Stdio(uri, "")
        assert raised.value.code == code

    run(main())


def test_a_tap_hears_from_now_on(tmp_path: Path) -> None:
    async def main() -> None:
        stdio = Stdio("cri://", "")  # no log at all
        os.mkfifo(tmp_path / "err")
        reading = os.open(tmp_path / "err", os.O_RDONLY | os.O_NONBLOCK)
        os.write(stdio.descriptors[1], b"past\n")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stdio.tap({"stdout": "", "stderr": str(tmp_path / "err")})
        write(stdio)
        stdio.handed_over()
        await stdio.drained(60)
        assert os.read(reading, 100) == b"err" and os.read(reading, 100) == b""
        os.close(reading)
        with pytest.raises(RpcError) as raised:
            stdio.reopen()
        assert raised.value.code == Code.FAILED_PRECONDITION
        stdio.close()
        for path in (str(tmp_path / "none"), str(tmp_path / "err")):
            with pytest.raises(RpcError):
                stdio.tap({"stdout": path})

    run(main())


def test_taps_have_a_bound(tmp_path: Path) -> None:
    async def main() -> None:
        stdio = Stdio("cri://", "")
        os.mkfifo(tmp_path / "p")
        reading = os.open(tmp_path / "p", os.O_RDONLY | os.O_NONBLOCK)
        for _ in range(16):
            stdio.tap({"stdout": str(tmp_path / "p")})
        with pytest.raises(RpcError) as raised:
            stdio.tap({"stdout": str(tmp_path / "p")})
        assert raised.value.code == Code.UNAVAILABLE
        stdio.close()
        os.close(reading)

    run(main())
