"""What people get wrong with `bronzewillow demo`; the demo itself is shown in tests/e2e/demo."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from bronzewillow.cli import cli
from bronzewillow.demo.children import Child
from bronzewillow.demo.cli import leave_running
from bronzewillow.demo.cluster_side import ClusterSide
from bronzewillow.host.command import run_command
from bronzewillow.testing.aio import run
from bronzewillow.testing.ports import free_udp_port


def demo(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["bronzewillow", "demo", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_command("bronzewillow", cli)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "/nonexistent.gguf"], "/nonexistent.gguf"),
        (["--model", "/"], "'/'"),
        (["--pcap", "/"], "'/'"),
        (["--promt", "x"], "--promt"),
    ],
)
def test_wrong_options_are_one_line(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(arguments, monkeypatch) == 2
    err = capsys.readouterr().err
    assert err.startswith("bronzewillow: ")
    assert told in err
    assert err.count("\n") == 1


def test_each_user_has_a_capture_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for uid in (501, 502):
        monkeypatch.setattr("os.getuid", lambda uid=uid: uid)
        (tmp_path / f"bronzewillow-demo-{uid}.pcap").mkdir()  # which is none that can be written
        assert demo([], monkeypatch) == 2
        assert f"bronzewillow-demo-{uid}.pcap' is a directory" in capsys.readouterr().err


@pytest.mark.loopback
def test_a_model_that_is_none_ends_it_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    broken = tmp_path / "[red]broken.gguf"  # which is no word for the library that colours the output
    broken.write_bytes(b"no model")
    children: list[Child] = []

    async def start(name: str, module: str, arguments: Sequence[str], log: Path) -> Child:
        children.append(await real_start(name, module, arguments, log))
        return children[-1]

    real_start = Child.start
    monkeypatch.setattr(Child, "start", start)
    assert demo(["--model", str(broken), "--pcap", str(tmp_path / "d.pcap")], monkeypatch) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "model node    runm serves [red]broken.gguf; the agent gives it 10.244.7.10:8080" in lines
    told = [line for line in lines if line.startswith("bronzewillow: ")]
    assert len(told) == 1
    assert "broken.gguf" in told[0]
    assert [child.name for child in children if child.process.returncode is not None] == ["runm", "the agent"]
    assert [path.name for path in tmp_path.iterdir()] == ["[red]broken.gguf"]


@pytest.mark.loopback
def test_an_error_of_the_system_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    model = tmp_path / "m.gguf"
    model.touch()
    assert demo(["--model", str(model)], monkeypatch) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bronzewillow: ")]
    assert told == [f"bronzewillow: {tmp_path / 'gone'}: No such file or directory"]
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]


class Reader(io.StringIO):
    """Who presses Ctrl-C as soon as they are told to."""

    def write(self, text: str, /) -> int:
        if "Ctrl-C ends it" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


@pytest.mark.loopback
def test_what_is_kept_ends_well_by_the_key_that_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        side = ClusterSide(free_udp_port(), free_udp_port(), tmp_path / "d.pcap")
        try:
            await leave_running(Console(file=Reader()), side, tmp_path)
        finally:
            side.close()

    try:
        run(main())
    except KeyboardInterrupt:
        pytest.fail("it is interrupted")
    assert capsys.readouterr().out.startswith("curl -N http://127.0.0.1:")
