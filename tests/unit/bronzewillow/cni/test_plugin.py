"""The plugin as a runtime executes it, with a real agent and a real client across the overlay."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest

from bronzewillow.cni.leases import Leases
from bronzewillow.cni.plugin import Places
from bronzewillow.cni.plugin import run as run_verb
from bronzewillow.cni.request import Attachment, Request
from bronzewillow.host.paths import make_private
from bronzewillow.testing.agents import AgentRig, answer_with_path, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import unix_server

pytestmark = pytest.mark.loopback

CONFIG = {"cniVersion": "1.1.0", "name": "pods", "type": "bronzewillow-cni"}


@dataclass
class Runtime:
    """What calls the plugin."""

    folder: Path
    control: Path

    async def call(self, verb: str, container: str = "c1", says: str = "", **config: Any) -> tuple[int, Any]:
        """Exit code, and what standard output says; on standard error it says `says`, or nothing."""
        environment = {
            **os.environ, "CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": "eth0",
            "CNI_ARGS": "K8S_POD_NAMESPACE=default;K8S_POD_NAME=leased", "CNI_PATH": "/opt/cni/bin",
            "XDG_STATE_HOME": str(self.folder / "state"), "XDG_RUNTIME_DIR": str(self.folder / "run"),
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bronzewillow.cni", env=environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        document = CONFIG | {"control": str(self.control)} | config
        out, err = await process.communicate(json.dumps(document).encode())
        assert says in err.decode() if says else not err, err.decode()
        return process.returncode or 0, json.loads(out) if out else None


@asynccontextmanager
async def rig() -> AsyncIterator[tuple[Runtime, AgentRig]]:
    with TemporaryDirectory(prefix="cni-") as name:
        folder = Path(name)
        leases = folder / "state" / "bronzewillow" / "leases"
        async with running_agent(answer_with_path, leases=leases) as agent:
            yield Runtime(folder, agent.control), agent


def address_of(result: Any) -> str:
    return str(result["ips"][0]["address"]).partition("/")[0]


def test_a_pod_lives_from_add_to_del() -> None:
    async def main() -> None:
        async with rig() as (runtime, agent):
            code, result = await runtime.call("ADD")
            assert code == 0
            address = address_of(result)
            assert (await runtime.call("ADD"))[1] == result  # again is the same
            assert await runtime.call("CHECK", prevResult=result) == (0, None)
            sockets = runtime.folder / "run" / "bronzewillow" / "p" / "c1"
            outlet = agent.agent._door.outlets["pods"]
            around = (sockets / "environment").read_text()
            assert "HTTP_PROXY=http://c1:" in around and f"@{outlet}\n" in around
            with pytest.raises(aiohttp.ClientError):
                await agent.get("/x", 8080, address)  # the pod is alive, and serves nothing yet
            async with unix_server(str(sockets / "8080.sock"), answer_with_path):
                await agent.agent.look()
                assert await agent.get("/x", 8080, address) == (200, "/x")
            assert await runtime.call("DEL") == (0, None)
            assert await runtime.call("DEL") == (0, None)
            assert not sockets.exists()
            code, error = await runtime.call("CHECK", prevResult=result)
            assert (code, error["code"]) == (1, 3)
            assert address_of((await runtime.call("ADD", "c2"))[1]) != address

    run(main())


def test_two_containers_share_no_folder() -> None:
    """Each is told by the first characters of its id, which tools that make ids of words may give twice."""

    async def main() -> None:
        async with rig() as (runtime, _):
            assert (await runtime.call("ADD", "cnitool-77383ca0"))[0] == 0
            sockets = runtime.folder / "run" / "bronzewillow" / "p" / "cnitool-7738"
            before = (sockets / "environment").read_text()
            code, error = await runtime.call("ADD", "cnitool-77384711")
            assert (code, error["code"]) == (1, 4)
            assert "cnitool-77383ca0" in error["msg"]
            assert await runtime.call("DEL", "cnitool-77384711") == (0, None)
            assert (sockets / "environment").read_text() == before

    run(main())


def test_the_folder_of_a_container_stays_while_one_of_its_interfaces_does(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    sockets = tmp_path / "p" / "c1"
    make_private(sockets)
    for ifname in ("eth0", "eth1"):
        leases.give([IPv4Network("10.244.7.0/29")], [], "c1", ifname, "pods", "", sockets)
    places = Places(tmp_path / "nobody.sock", tmp_path / "leases", tmp_path / "p")
    for ifname, is_there in (("eth0", True), ("eth1", False)):
        asked = Request("DEL", "1.1.0", "pods", Attachment("c1", ifname))
        assert run_verb(asked, places) is None
        assert sockets.exists() == is_there


def test_only_a_folder_of_sockets_is_removed(tmp_path: Path) -> None:
    """Whatever a lease says."""
    precious = tmp_path / "home"
    precious.mkdir()
    Leases(tmp_path / "leases").give([IPv4Network("10.244.7.0/29")], [], "c1", "eth0", "pods", "", precious)
    places = Places(tmp_path / "nobody.sock", tmp_path / "leases", tmp_path / "p")
    assert run_verb(Request("DEL", "1.1.0", "pods", Attachment("c1", "eth0")), places) is None
    assert precious.exists()
    assert not Leases(tmp_path / "leases").all()


def test_gc_status_and_version() -> None:
    async def main() -> None:
        async with rig() as (runtime, _):
            assert (await runtime.call("STATUS")) == (0, None)
            results = await asyncio.gather(*(runtime.call("ADD", f"c{n}") for n in range(4)))
            assert len({address_of(result) for _, result in results}) == 4
            valid: dict[str, Any] = {"cni.dev/valid-attachments": [{"containerID": "c2", "ifname": "eth0"}]}
            assert await runtime.call("GC", **valid) == (0, None)
            for number, (_, result) in enumerate(results):
                code, _ = await runtime.call("CHECK", f"c{number}", prevResult=result)
                assert code == (0 if number == 2 else 1)
            kept = runtime.folder / "state/bronzewillow/leases" / f"{address_of(results[2][1])}.json"
            kept.write_text("")  # whose it was cannot be told
            assert await runtime.call("GC", says="is no lease", **valid) == (0, None)
            assert kept.exists()
            nobody: dict[str, Any] = {"cni.dev/valid-attachments": []}
            assert await runtime.call("GC", says="removed", **nobody) == (0, None)
            assert not kept.exists()
            code, found = await runtime.call("VERSION")
            assert (code, found["supportedVersions"][-1]) == (0, "1.1.0")

    run(main())


def test_without_an_agent(tmp_path: Path) -> None:
    async def main() -> None:
        runtime = Runtime(tmp_path, tmp_path / "none.sock")
        code, error = await runtime.call("ADD")
        assert (code, error["code"]) == (1, 11)
        assert "the agent does not answer at" in error["msg"]
        assert error["details"] == "start `bronzewillow agent`"
        code, error = await runtime.call("STATUS")
        assert (code, error["code"]) == (1, 50)
        assert await runtime.call("DEL") == (0, None)

    run(main())
