from __future__ import annotations

import asyncio
import json
import signal
import stat
from pathlib import Path

import pytest

from bronzewillow.testing.agents import POD_NAME, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.command_line import Ended, bronzewillow, start
from bronzewillow.testing.loopback import Wire, until

pytestmark = pytest.mark.loopback


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


def test_a_capture_goes_to_standard_output() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            process = await start("capture", "--control", rig.control, "-w", "-", "--count", 4)
            await until(lambda: bool(rig.agent.net.node.taps))
            await rig.get("/seen/there")
            out, err = await process.communicate()
            assert process.returncode == 0
            assert out[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
            assert err.decode() == "4 frames in standard output\n"

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
