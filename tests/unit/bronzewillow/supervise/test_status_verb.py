from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from bronzewillow.host.paths import control_socket
from bronzewillow.supervise.status_verb import status as command
from bronzewillow.supervise.whereabouts import note_socket, up_lock
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import unix_socket_path
from bronzewillow.testing.up_processes import Place

pytestmark = pytest.mark.loopback


async def status(place: Place, *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bronzewillow", "status", "--control", str(place.run / "agent.sock"), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=place.environment,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def test_pods_and_models_beside_the_network(place: Place) -> None:
    async def main() -> None:
        await place.make_image()
        place.write("a")
        async with place.up() as up:
            await up.until("container llm is started")
            while (text := (await status(place))[1]).count("serving") == 0:
                assert "default/a-mac" in text
            assert "8080.sock" in text
            assert "POD            ADDRESS     CONTAINER  MODEL" in text
            code, out, _ = await status(place, "--json")
            (pod,) = json.loads(out)["runtime"]["pods"]
            assert (code, pod["containers"][0]["state"]) == (0, "serving")

            # without its agent, and without both
            (agent,) = [one for one in place.processes() if "agent" in one.cmdline()]
            agent.send_signal(signal.SIGSTOP)
            place.run.joinpath("agent.sock").unlink()
            code, out, err = await status(place)
            assert (code, "serving" in out) == (1, True)
            assert "no agent answers here" in err
            agent.send_signal(signal.SIGCONT)
            await up.end()
            assert await status(place) == (1, "", err)

    run(main())


def test_a_container_that_crashes_is_told_to_come_again(place: Place) -> None:
    async def main() -> None:
        await place.make_image()
        place.write("a", args="--engine, none")
        async with place.up() as up:
            await up.until("it is started again in 10 s")
            while ", again in " not in (text := (await status(place))[1]):
                pass  # it runs, for a moment
            assert re.search(r"  ended \(2, Error\), again in \d+ s  [1-9]", text), text
            await up.end()

    run(main())


def test_a_session_with_another_runtime_folder_is_told_where_the_node_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with TemporaryDirectory(prefix="bw") as folder, socket.socket(socket.AF_UNIX) as server:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        for name in ("a", "b"):
            Path(folder, name).mkdir(mode=0o700)  # else it is no runtime folder
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{folder}/a")
        place = control_socket()
        place.parent.mkdir()
        server.bind(str(place))
        up_lock().parent.mkdir(parents=True)
        note_socket()
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{folder}/b")
        lines = str(CliRunner().invoke(command, [], standalone_mode=False).exception).splitlines()
        assert "no agent answers here" in lines[0]
        assert lines[1:] == [
            f"a node is there whose sockets are elsewhere: bronzewillow status --control {place}"
        ]
        # whoever has named a socket has meant it
        lines = str(
            CliRunner().invoke(command, ["--control", f"{folder}/c"], standalone_mode=False).exception
        ).splitlines()
        assert len(lines) == 1


def test_a_runtime_that_does_not_answer_is_told() -> None:
    async def main() -> None:
        async with unix_socket_path() as path:
            control = Path(path).with_name("agent.sock")
            cri = control.with_name("cri.sock")
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(cri))
            result = await asyncio.to_thread(CliRunner().invoke, command, ["--control", str(control)])
            assert result.exit_code == 1
            assert f"{cri}: no container runtime answers here" in result.output
            assert f"{control}: no agent answers here" in result.output
            cri.unlink()

    run(main())
