from __future__ import annotations

import json

import pytest
from wsproto.connection import ConnectionType

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from runtime.streaming.calls import Attach, Exec, Streams
from runtime.streaming.commands import (
    SPDY_PROTOCOLS,
    Command,
    command_channels,
    serve_channel_command,
    serve_spdy_command,
    wanted_streams,
)
from runtime.streaming.errors import ProtocolError
from runtime.streaming.spdy import SpdyStream
from runtime.streaming.websocket import WebSocket

from .conftest import Rot13, link_pair, spdy_pair

ALL = Streams(stdin=True, stdout=True, stderr=True)
TTY = Streams(stdin=True, stdout=True, tty=True)
V4, V1 = "v4.channel.k8s.io", "channel.k8s.io"


async def all_of(stream: SpdyStream) -> bytes:
    found = b""
    while data := await stream.read():
        found += data
    return found


def test_which_streams_a_client_opens() -> None:
    assert SPDY_PROTOCOLS[0] == "v5.channel.k8s.io" and len(SPDY_PROTOCOLS) == 5
    assert wanted_streams(ALL, V4) == {"error", "stdin", "stdout", "stderr"}
    assert wanted_streams(TTY, V4) == {"error", "stdin", "stdout", "resize"}
    assert wanted_streams(TTY, "v2.channel.k8s.io") == {"error", "stdin", "stdout"}


def spdy(
    call: Command, protocol: str, said: bytes = b"", size: bytes = b""
) -> tuple[dict[str, bytes], Rot13]:
    """What each stream brought."""

    async def main() -> tuple[dict[str, bytes], Rot13]:
        runtime = Rot13()
        async with spdy_pair() as (client, server):
            serving = spawn(serve_spdy_command(server, call, protocol, runtime), name="serve")
            wanted = wanted_streams(call.streams, protocol)
            streams = {kind: await client.open({"streamtype": kind}) for kind in wanted}
            if "resize" in streams:
                await streams["resize"].write(size)
            if "stdin" in streams:
                await streams["stdin"].write(said)
                await streams["stdin"].end()
            found = {kind: await all_of(streams[kind]) for kind in wanted - {"stdin", "resize"}}
            await serving
            return found, runtime

    return run(main())


def test_exec_over_spdy() -> None:
    found, _ = spdy(Exec("c", ("rot", "3"), ALL), V4, b"abc")
    assert (found["stdout"], found["stderr"]) == (b"cba", b"err")
    assert json.loads(found["error"])["details"]["causes"][0]["message"] == "3"
    found, _ = spdy(Exec("c", ("rot",), ALL), V1)
    assert found["error"] == b""
    found, runtime = spdy(Exec("c", ("rot",), TTY), V4, b"", b'{"Width":80,"Height":24}')
    assert runtime.sizes == [(80, 24)]
    found, _ = spdy(Exec("c", ("missing",), ALL), V4)
    assert "missing: No such file" in json.loads(found["error"])["message"]


def test_attach_over_spdy() -> None:
    found, _ = spdy(Attach("c", Streams(stdout=True)), V4)
    assert found["stdout"] == b"a line\n" and json.loads(found["error"])["status"] == "Success"


@pytest.mark.parametrize("kinds", [["stdout", "stdout"], ["stdin"]])
def test_streams_that_nobody_asked_for(kinds: list[str]) -> None:
    async def main() -> None:
        async with spdy_pair() as (client, server):
            for kind in kinds:
                await client.open({"streamtype": kind})
            with pytest.raises(ProtocolError, match="is due"):
                await serve_spdy_command(server, Exec("c", ("x",), Streams(stdout=True)), V4, Rot13())

    run(main())


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", V4, "v4.base64.channel.k8s.io", ""])
def test_exec_over_a_websocket(protocol: str) -> None:
    async def main() -> None:
        ours, theirs = link_pair()
        client = WebSocket(ours, ConnectionType.CLIENT)
        call = Exec("c", ("rot", "3"), ALL)
        channels = command_channels(WebSocket(theirs), call, protocol)
        reading = spawn(channels.run(), name="read")
        serving = spawn(serve_channel_command(channels, call, protocol, Rot13()), name="serve")
        is_text = "base64" in protocol
        first = await client.read()
        assert first == ("1" if is_text else b"\x01"), "clients wait for it"
        await client.write("0YWJjLg==" if is_text else b"\x00abc.")
        stderr, stdout, error = [await client.read() for _ in range(3)]
        assert (stderr, stdout) == (("2ZXJy", "1LmNiYQ==") if is_text else (b"\x02err", b"\x01.cba"))
        assert error is not None and error[0] in ("3", 3)
        if not is_text:
            assert isinstance(error, bytes)
            assert (b'"ExitCode"' in error) == (protocol != "")
        await serving
        await channels.finish()
        assert await client.read() is None
        await reading

    run(main())


def test_the_lowest_channel_is_the_first_to_speak() -> None:
    async def main() -> None:
        for streams, first in ((Streams(stderr=True), b"\x02"), (Streams(stdin=True), b"\x03")):
            ours, theirs = link_pair()
            call = Exec("c", ("missing",), streams)
            await serve_channel_command(command_channels(WebSocket(theirs), call, V4), call, V4, Rot13())
            assert await WebSocket(ours, ConnectionType.CLIENT).read() == first

    run(main())
