from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.testing.aio import run
from bronzewillow.testing.node_processes import NodeProcesses
from kubelet.static import cli
from kubelet.static.cli import command
from kubelet.static.cri import Cri

from .conftest import Manifests


@pytest.mark.parametrize(
    ("host", "name"),
    [("Johns-MBP.fritz.box", "johns-mbp"), ("mac_1", "mac-1"), ("", "node"), ("...", "node"), ("ü", "node")],
)
def test_the_default_name_of_a_node(monkeypatch: pytest.MonkeyPatch, host: str, name: str) -> None:
    monkeypatch.setattr("platform.node", lambda: host)
    assert cli.default_node_name() == name


def test_wrong_words(tmp_path: Path) -> None:
    for words, said in (
        ([], "say either --manifests DIR or --end-all"),
        (["--manifests", "x", "--end-all"], "say either"),
        (["--manifests", str(tmp_path / "none")], "none: is no folder; make it"),
        (["--manifests", str(tmp_path), "--node-name", "A"], "write lower-case letters"),
    ):
        result = CliRunner().invoke(command, words)
        assert result.exit_code != 0
        assert said in result.output


@pytest.mark.loopback
def test_pods_outlive_the_program_until_the_end_of_all(node: NodeProcesses, manifests: Manifests) -> None:
    manifests.write("a")
    logs = node.folder / "pod-logs"

    async def main() -> None:
        arguments = ("--manifests", str(manifests.path), "--logs", str(logs), "--node-name", "mac")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kubelet.static", *arguments,
            env=node.environment, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        seen = b""
        while b"container llm is started" not in seen:
            line = await process.stderr.readline()
            assert line, seen.decode()
            seen += line
        assert b"ready\n" in seen
        manifests.write("b")
        process.send_signal(signal.SIGHUP)
        while b"pod default/b-mac is made" not in seen:
            line = await process.stderr.readline()
            assert line, seen.decode()
            seen += line
        process.terminate()
        assert await process.wait() == 0
        assert b"Traceback" not in seen + await process.stderr.read()
        async with Cri(node.cri, logs) as cri:
            assert len(await cri.observe()) == 2

    run(main())
    assert node.run("kubelet.static", "--end-all", "--logs", str(logs)) == "pods that have ended: 2\n"
    assert list(logs.iterdir()) == []


@pytest.mark.loopback
def test_the_end_of_all_without_a_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubelet.static.end_all._TRIES", 1)
    monkeypatch.setattr("kubelet.static.end_all._AGAIN_S", 0)
    result = CliRunner().invoke(command, ["--end-all", "--cri", str(tmp_path / "none.sock")])
    assert result.exit_code == 1
    assert "none.sock: " in result.output
