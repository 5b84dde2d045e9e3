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


def test_a_ports_name_is_refused_in_words() -> None:
    result = CliRunner().invoke(forward_command, ["smollm2", "http"])
    assert result.exit_code == 2
    assert "'http': write its number, such as 8080" in result.output
