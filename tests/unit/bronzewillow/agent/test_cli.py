"""The commands, as a shell runs them: against a live agent, and against what people get wrong."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bronzewillow.agent import cli
from bronzewillow.host.command import CommandError
from bronzewillow.testing.agents import POD_NAME, config_text, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server, unix_socket_path, until
from bronzewillow.testing.ports import free_udp_port

pytestmark = pytest.mark.loopback


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


async def start(*arguments: object) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bronzewillow", *map(str, arguments), stdout=pipe, stderr=pipe
    )


async def bronzewillow(*arguments: object) -> Ended:
    process = await start(*arguments)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def good_config(folder: Path, port: int | None = None) -> Path:
    config = folder / "node.toml"
    config.write_text(config_text(port or free_udp_port(), 4790, folder / "s"))
    return config


def test_status_and_flows_of_a_live_agent() -> None:
    async def serve(wire: Wire) -> None:
        await wire.request()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbegu")  # and it goes on
        await wire.rest()

    async def main() -> None:
        async with running_agent(serve) as rig, rig.session() as session:
            async with session.get("http://10.244.7.10:8080/x") as response:
                assert response.status == 200
                text, parsed, flows, flows_json = await asyncio.gather(
                    bronzewillow("status", "--control", rig.control),
                    bronzewillow("status", "--control", rig.control, "--json"),
                    bronzewillow("flows", "--control", rig.control),
                    bronzewillow("flows", "--control", rig.control, "--json"),
                )
            assert POD_NAME in text.out
            assert json.loads(parsed.out)["overlays"][0]["port"] == rig.port
            assert "ESTABLISHED" in flows.out
            assert json.loads(flows_json.out)[0]["pod"] == POD_NAME
            assert {ended.code for ended in (text, parsed, flows, flows_json)} == {0}

    run(main())


def test_capture_ends_after_so_many_frames() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            file = rig.folder / "all.pcap"
            process = await start("capture", "--control", rig.control, "-w", file, "--count", 4)
            await until(lambda: bool(rig.agent.net.node.taps))
            await rig.get("/x")
            _, err = await process.communicate()
            assert process.returncode == 0
            assert err.decode() == f"4 frames in {file}\n"
            assert file.read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    run(main())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_capture_ends_with_a_signal_and_keeps_what_it_has(number: signal.Signals) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            file = rig.folder / "all.pcap"
            process = await start("capture", "--control", rig.control, "-w", file)
            await until(lambda: bool(rig.agent.net.node.taps))
            await rig.get("/x")
            await until(lambda: file.exists())
            process.send_signal(number)
            _, err = await process.communicate()
            assert process.returncode == 0
            assert f" frames in {file}" in err.decode()
            await until(lambda: not rig.agent.net.node.taps)

    run(main())


def test_a_capture_can_be_read_while_it_grows() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            file = rig.folder / "all.pcap"
            process = await start("capture", "--control", rig.control, "-w", file)
            await until(lambda: bool(rig.agent.net.node.taps))
            await rig.get("/seen/at/once")
            await until(lambda: file.exists() and b"GET /seen/at/once" in file.read_bytes())
            assert process.returncode is None
            process.terminate()
            await process.communicate()

    run(main())


def test_capture_that_cannot_be_leaves_no_file(tmp_path: Path) -> None:
    async def main() -> tuple[Ended, Ended]:
        async with running_agent() as rig:
            nowhere = await bronzewillow(
                "capture", "--control", rig.control, "-w", tmp_path / "no" / "all.pcap"
            )
        return nowhere, await bronzewillow("capture", "--control", rig.control, "-w", tmp_path / "all.pcap")

    nowhere, nobody = run(main())
    assert (nowhere.code, nobody.code) == (1, 1)
    assert f"{tmp_path}/no/all.pcap: No such file or directory" in nowhere.err
    assert "no agent answers here" in nobody.err
    assert not list(tmp_path.iterdir())


def test_capture_ends_after_its_time_and_tells_where_to_look_for_what_is_not_in_it(tmp_path: Path) -> None:
    async def main() -> Ended:
        async with running_agent() as rig:
            file = tmp_path / "all.pcap"
            return await bronzewillow("capture", "--control", rig.control, "-w", file, "--duration", 0.5)

    ended = run(main())
    where = "what stays on this machine does not cross the overlay: bronzewillow flows"
    assert ended == Ended(0, "", f"0 frames in {tmp_path}/all.pcap; {where}\n")


def test_capture_tells_that_the_agent_has_ended() -> None:
    async def main() -> Ended:
        async with running_agent() as rig:
            process = await start("capture", "--control", rig.control, "-w", rig.folder / "all.pcap")
            await until(lambda: bool(rig.agent.net.node.taps))
            await rig.agent.close()
            out, err = await process.communicate()
            return Ended(process.returncode or 0, out.decode(), err.decode())

    ended = run(main())
    assert ended.code == 1
    assert ended.err.endswith("agent.sock: the agent has ended\n")
    assert ended.err.count("\n") == 1


def test_check_says_what_is_in_a_file(tmp_path: Path) -> None:
    config = good_config(tmp_path)
    ended = run(bronzewillow("agent", "--config", config, "--check"))
    assert ended == Ended(0, f"{config}: good: 1 peers, 1 pods\n", "")


def test_check_tells_each_mistake_in_a_line(tmp_path: Path) -> None:
    config = good_config(tmp_path)
    config.write_text(config.read_text().replace("vni = 1", "vni = -1").replace("vxlan", "vlan"))
    ended = run(bronzewillow("agent", "--config", config, "--check"))
    assert ended.code == 1
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"bronzewillow: {config}:2: overlay.encap:")
    assert lines[1].startswith(f"bronzewillow: {config}:5: overlay.vni:")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("status", "--control", "/nonexistent/agent.sock"), 1, "no agent answers here"),
        (("flows", "--control", "/nonexistent/agent.sock"), 1, "no agent answers here"),
        (("capture", "--control", "/nonexistent/agent.sock", "-w", "/tmp/x/y/z"), 1, "no agent answers here"),
        (("capture",), 2, "Missing option '-w'"),
        (("agent",), 2, "say either --config FILE or --kubeconfig FILE"),
        (("agent", "--config", "/nonexistent.toml"), 1, "/nonexistent.toml: cannot be read"),
        (("agent", "--config", "/x", "--datagram-io", "magic"), 2, "'magic'"),
        (("agent", "--config", "/x", "--metrics", "9100"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--metrics", "a:\u00b2"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--metrics", f"a:{'9' * 5000}"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--metrics", "[::1]:99999"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--drain", "-1"), 2, "-1"),
        (("agent", "--cofnig", "/x"), 2, "--cofnig"),
        (("servve",), 2, "servve"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], code: int, message: str) -> None:
    ended = run(bronzewillow(*arguments))
    assert ended.code == code
    assert message in ended.err
    assert ended.err.startswith("bronzewillow: ")
    assert ended.err.count("\n") == 1
    assert not ended.out


def test_a_port_in_use_and_an_address_of_others(tmp_path: Path) -> None:
    async def main() -> tuple[Ended, Ended]:
        tmp_path.chmod(0o700)
        control = ("--control", tmp_path / "c")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            config = good_config(tmp_path, taken.getsockname()[1])
            first = await bronzewillow("agent", "--config", config, *control)
        text = config.read_text().replace('address = "127.0.0.1"', 'address = "192.0.2.77"', 1)
        config.write_text(text)
        return first, await bronzewillow("agent", "--config", config, *control)

    in_use, not_ours = run(main())
    assert (in_use.code, not_ours.code) == (1, 1)
    assert "address already in use" in in_use.err
    assert "192.0.2.77" in not_ours.err
    assert "set overlay.address to one" in not_ours.err
    for ended in (in_use, not_ours):
        assert ended.err.count("\n") == 1


def test_a_metrics_host_without_an_address_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    options = ("--control", tmp_path / "c", "--metrics", "nowhere.invalid:9464")
    ended = run(bronzewillow("agent", "--config", good_config(tmp_path), *options))
    assert ended.code == 1
    assert ended.err.startswith("bronzewillow: nowhere.invalid:9464: ")
    assert ended.err.endswith("; choose another with --metrics\n")
    assert ended.err.count("\n") == 1


def test_a_metrics_port_in_use_is_named(tmp_path: Path) -> None:
    async def main() -> tuple[Ended, int]:
        tmp_path.chmod(0o700)
        config = good_config(tmp_path)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            metrics = ("--metrics", f"127.0.0.1:{port}")
            ended = await bronzewillow("agent", "--config", config, "--control", tmp_path / "c", *metrics)
            return ended, port

    ended, port = run(main())
    assert ended.code == 1
    assert f"127.0.0.1:{port}: address already in use; choose another with --metrics" in ended.err
    assert not (tmp_path / "c").exists()


def test_an_agent_that_does_not_answer_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_ANSWER_LIMIT_S", 0.05)

    async def main() -> None:
        async def say_nothing(wire: Wire) -> None:
            await wire.rest()

        async with unix_socket_path() as path, unix_server(path, say_nothing):
            with pytest.raises(CommandError, match=r"the agent has not answered for 0.05 s"):
                await cli.get_json(Path(path), "/status")

    run(main())
