from __future__ import annotations

import asyncio
import signal
import socket
import sys

import aiohttp
import pytest
from click.testing import CliRunner

from bronzewillow.host.command import CommandError
from bronzewillow.supervise.forward_verb import find_pod, forward_command
from bronzewillow.testing.agents import running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.up_processes import Place

PODS = [
    ("node", "10.0.0.1"),
    ("default/tiny-mac", "10.0.0.2"),
    ("other/tiny-mac", "10.0.0.3"),
    ("default/b", "10.0.0.4"),
    ("default/b2", "10.0.0.5"),
]


@pytest.mark.parametrize(
    ("wanted", "address"),
    [
        ("default/tiny-mac", "10.0.0.2"), ("other/t", "10.0.0.3"), ("b", "10.0.0.4"), ("b2", "10.0.0.5"),
        ("10.9.9.9", "10.9.9.9"),
    ],
)  # fmt: skip
def test_a_pod_by_what_people_call_it(wanted: str, address: str) -> None:
    assert find_pod(wanted, PODS) == address


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("tiny-mac", "is not the only one"),
        ("tiny", "is not the only one"),
        ("node", "is not here; there are"),
    ],
)
def test_a_pod_that_cannot_be_told(wanted: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        find_pod(wanted, PODS)
    with pytest.raises(CommandError, match="there are: none"):
        find_pod(wanted, PODS[:1])


@pytest.mark.loopback
def test_the_command() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            words = ("forward", "tiny", "8080", "--control", str(rig.control))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bronzewillow", *words, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            url = (await process.stdout.readline()).decode().split()[0]
            async with aiohttp.ClientSession() as session, session.get(f"{url}/x") as answer:
                assert await answer.text() == "/x"
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0

    run(main())


@pytest.mark.loopback
def test_a_port_that_is_taken() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            with socket.create_server(("127.0.0.1", 0)) as other:
                port = str(other.getsockname()[1])
                words = ("forward", "tiny", "--local-port", port, "--control", str(rig.control))
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "bronzewillow", *words, stderr=asyncio.subprocess.PIPE
                )
                _, err = await process.communicate()
                assert process.returncode == 1
                assert err.decode().startswith(f"bronzewillow: 127.0.0.1:{port}: ")
                assert ": address already in use; choose another with --local-port" in err.decode()
                assert "attempting" not in err.decode()

    run(main())


@pytest.mark.parametrize("port", ["Web", "-web", "web-", "a" * 16, "8-0", "http:", "0", "65536", "-1"])
def test_what_is_neither_number_nor_name_of_a_port(port: str) -> None:
    result = CliRunner().invoke(forward_command, ["smollm2", "--", port])
    assert result.exit_code == 2
    assert (
        "write its number, such as 8080, or its name" in result.output or "not in the range" in result.output
    )


@pytest.mark.loopback
def test_a_ports_name_where_no_runtime_knows_it() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            words = ("forward", "tiny", "web", "--control", str(rig.control))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bronzewillow", *words, stderr=asyncio.subprocess.PIPE
            )
            _, err = await process.communicate()
            assert process.returncode == 1
            assert err.decode().endswith(
                "cri.sock: no container runtime answers here that knows 'web'; write its number\n"
            )

    run(main())


@pytest.mark.loopback
def test_a_port_by_its_name(place: Place) -> None:
    async def forward(*words: str) -> asyncio.subprocess.Process:
        more = ("--control", str(place.run / "agent.sock"))
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bronzewillow", "forward", *words, *more,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def main() -> None:
        await place.make_image()
        place.write("a", args="--engine, echo], ports: [{name: web, containerPort: 9000}")
        async with place.up() as up:
            await up.until("container llm is started")
            process = await forward("a", "web")
            assert process.stdout is not None
            assert (await process.stdout.readline()).endswith(b" leads to 10.244.7.2:9000\n")
            process.send_signal(signal.SIGINT)
            await process.communicate()
            process = await forward("10.244.7.2", "http")
            _, err = await process.communicate()
            assert process.returncode == 1
            assert "pod 'default/a-mac': no port is called 'http'; there are: web" in err.decode()
            await up.end()

    run(main())
