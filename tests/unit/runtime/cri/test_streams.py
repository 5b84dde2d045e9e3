from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import grpc
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.loopback import until
from runtime.api import cri_pb2 as api

from .conftest import InRig, Rig

pytestmark = pytest.mark.loopback
V4 = "v4.channel.k8s.io"


async def heard(url: str, stdin: bytes = b"", protocol: str = V4) -> dict[int, bytes]:
    """What each channel brought, to the end; `stdin` is sent first."""
    found: dict[int, bytes] = {}
    async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=[protocol]) as client:
        if stdin:
            await client.send_bytes(b"\x00" + stdin)
        async for message in client:
            found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
    return found


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_exec(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        container = await rig.create(await rig.run(), envs=[api.KeyValue(key="GREETING", value=b"hello")])

        async def url(*command: str, **streams: bool) -> str:
            request = api.ExecRequest(container_id=container, cmd=command, **(streams or {"stdout": True}))
            return str((await rig.runtime.Exec(request)).url)

        assert (await rig.refused(url("sh")))[0] == grpc.StatusCode.FAILED_PRECONDITION
        await rig.start(container)
        found = await heard(
            await url("sh", "-c", "echo $GREETING; echo no >&2; exit 3", stdout=True, stderr=True)
        )
        assert (found[1], found[2]) == (b"hello\n", b"no\n")
        assert json.loads(found[3])["details"]["causes"][0] == {"reason": "ExitCode", "message": "3"}
        found = await heard(await url("sh", stdin=True, stdout=True, tty=True), b"stty -echo; exit 4\n")
        assert json.loads(found[3])["details"]["causes"][0]["message"] == "4"
        assert (await rig.refused(url("/bin/sh")))[0] == grpc.StatusCode.PERMISSION_DENIED
        for streams in ({"stdout": False}, {"tty": True, "stderr": True}):
            assert (await rig.refused(url("sh", **streams)))[0] == grpc.StatusCode.INVALID_ARGUMENT
        late = await url("sh")
        await rig.stop(container)
        assert "not running" in json.loads((await heard(late))[3])["message"]

    in_rig(main)


def test_attach(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        container = await rig.create(pod, args=["--drain-s", "0"])
        request = api.AttachRequest(container_id=container, stdout=True, stderr=True)
        assert (await rig.refused(rig.runtime.Attach(request)))[0] == grpc.StatusCode.FAILED_PRECONDITION
        await rig.start(container)
        await rig.serves(pod)
        log = rig.folder / "logs" / "main.log"
        await until(lambda: b"ready" in log.read_bytes())  # said before anybody listens
        stdin = api.AttachRequest(container_id=container, stdin=True)
        assert (await rig.refused(rig.runtime.Attach(stdin)))[0] == grpc.StatusCode.INVALID_ARGUMENT
        listening = spawn(heard((await rig.runtime.Attach(request)).url), name="attach")

        def pipes() -> list[Path]:
            return list((rig.folder / "bronzewillow").glob("pipes-*"))

        path = rig.config.sockets / pod[:12] / "8080.sock"
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
            # an answer that nobody reads is never finished, and the server says so when it ends
            question = {"messages": [{"role": "user", "content": "x " * 100}], "ignore_eos": True}
            more = {"stream": True, "max_tokens": 10_000_000, "model": "tiny"}
            async with session.post("http://x/v1/chat/completions", json=question | more) as answer:
                assert answer.status == 200
                await until(lambda: bool(pipes()))
                await rig.stop(container, timeout=10)
        found = await listening
        assert b"not all answers were finished" in found[2] and b"ready" not in found[2]
        assert found[1] == b"" and json.loads(found[3])["status"] == "Success"
        assert pipes() == []

    in_rig(main)


def test_port_forward(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        await rig.start(await rig.create(pod))
        await rig.serves(pod)

        async def url(*ports: int) -> str:
            request = api.PortForwardRequest(pod_sandbox_id=pod, port=ports)
            return str((await rig.runtime.PortForward(request)).url)

        for ports in ((0,), (65536,), tuple(range(1, 40))):
            assert (await rig.refused(url(*ports)))[0] == grpc.StatusCode.INVALID_ARGUMENT
        found = await heard(await url(8080, 81), b"GET /health HTTP/1.0\r\n\r\n")
        assert found[0].startswith(b"\x90\x1fHTTP/1.") and b" 200 OK" in found[0]
        assert b"nothing serves it" in found[3]
        await rig.runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=pod))
        assert (await rig.refused(url(8080)))[0] == grpc.StatusCode.FAILED_PRECONDITION

    in_rig(main)


def test_too_many_that_nobody_calls(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        request = api.PortForwardRequest(pod_sandbox_id=pod)
        for _ in range(1000):
            await rig.runtime.PortForward(request)
        assert (await rig.refused(rig.runtime.PortForward(request)))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED

    in_rig(main)


def test_nothing_of_a_stream_is_left(in_rig: InRig) -> None:
    """Callers that leave in the middle."""

    async def main(rig: Rig) -> None:
        container = await rig.create(await rig.run())
        await rig.start(container)
        before = descriptors()
        for _ in range(5):
            request = api.ExecRequest(container_id=container, cmd=["sh", "-c", "echo; sleep 63"], stdout=True)
            url = (await rig.runtime.Exec(request)).url
            async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=[V4]) as client:
                assert await client.receive_bytes() == b"\x01"
                assert await client.receive_bytes() == b"\x01\n"
        await until(lambda: descriptors() <= before)

    in_rig(main)
