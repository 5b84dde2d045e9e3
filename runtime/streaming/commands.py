"""Exec and attach: the streams of one command, on SPDY or on a WebSocket, and its end.

The order at the end matters to clients: output, then what the error stream has to say, then the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from runtime.streaming.calls import Attach, CommandStreams, Exec, Input, Output, Runtime, Streams
from runtime.streaming.channels import CHANNEL_PROTOCOLS, Channel
from runtime.streaming.errors import CallFailed, ProtocolError
from runtime.streaming.inbox import Inbox
from runtime.streaming.spdy import SpdyConnection, SpdyStream
from runtime.streaming.statuses import emit_exit, emit_failure
from runtime.streaming.terminal_size import SizeReader, TerminalSize
from runtime.streaming.websocket import ChannelConnection, ChannelStream, WebSocket

SPDY_PROTOCOLS = (
    *(f"v{version}.channel.k8s.io" for version in (5, 4, 3, 2)),
    "channel.k8s.io",
)
OLDEST_SPDY_PROTOCOL = "channel.k8s.io"
_WITH_STATUS = SPDY_PROTOCOLS[:2]
_WITH_SIZES = SPDY_PROTOCOLS[:3]
STREAMS_LIMIT_S = 30.0
"""In which a client must have opened all streams of its command."""

Command = Exec | Attach


def wanted_streams(streams: Streams, protocol: str) -> frozenset[str]:
    """What a SPDY client of this protocol opens."""
    found = {"error"}
    found |= {name for name in ("stdin", "stdout", "stderr") if getattr(streams, name)}
    if streams.tty and protocol in _WITH_SIZES:
        found.add("resize")
    return frozenset(found)


async def serve_spdy_command(
    connection: SpdyConnection, call: Command, protocol: str, runtime: Runtime
) -> None:
    """All of it, from the opening of its streams to its status.

    ConnectionError, ProtocolError, TimeoutError.
    """
    wanted = wanted_streams(call.streams, protocol)
    found: dict[str, SpdyStream] = {}
    async with asyncio.timeout(STREAMS_LIMIT_S):
        while len(found) < len(wanted):
            stream = await connection.accept()
            if stream is None:
                return
            kind = stream.headers.get("streamtype", "")
            if kind not in wanted or kind in found:
                due = ", ".join(sorted(wanted - set(found)))
                raise ProtocolError(f"a stream {kind[:80]!r}, where {due} is due")
            found[kind] = stream
    streams = CommandStreams(
        found.get("stdin"),
        found.get("stdout"),
        found.get("stderr"),
        _sizes(found["resize"]) if "resize" in found else None,
    )
    await _run(runtime, call, streams, found["error"], has_status=protocol in _WITH_STATUS)


def command_channels(websocket: WebSocket, call: Command, protocol: str) -> ChannelConnection:
    """The connection of a command: what its client may write to."""
    inboxes = {}
    if call.streams.stdin:
        inboxes[int(Channel.STDIN)] = Inbox()
    if call.streams.tty:
        inboxes[int(Channel.RESIZE)] = Inbox()
    return ChannelConnection(websocket, CHANNEL_PROTOCOLS[protocol], inboxes)


async def serve_channel_command(
    connection: ChannelConnection, call: Command, protocol: str, runtime: Runtime
) -> None:
    """All of it, from the message that clients wait for to its status. ConnectionError."""
    wanted = call.streams
    lowest = Channel.STDOUT if wanted.stdout else Channel.STDERR if wanted.stderr else Channel.ERROR
    await connection.write(lowest, b"")

    def stream(channel: Channel, *, is_wanted: bool) -> ChannelStream | None:
        return ChannelStream(connection, channel) if is_wanted else None

    streams = CommandStreams(
        stream(Channel.STDIN, is_wanted=wanted.stdin),
        stream(Channel.STDOUT, is_wanted=wanted.stdout),
        stream(Channel.STDERR, is_wanted=wanted.stderr),
        _sizes(ChannelStream(connection, Channel.RESIZE)) if wanted.tty else None,
    )
    error = ChannelStream(connection, Channel.ERROR)
    await _run(runtime, call, streams, error, has_status=CHANNEL_PROTOCOLS[protocol].has_status)


async def _run(
    runtime: Runtime, call: Command, streams: CommandStreams, error: Output, *, has_status: bool
) -> None:
    try:
        if isinstance(call, Exec):
            code = await runtime.exec(call, streams)
        else:
            code = 0
            await runtime.attach(call, streams)
        said = emit_exit(code, has_status=has_status)
    except CallFailed as failed:
        said = emit_failure(str(failed), has_status=has_status)
    for output in (streams.stdout, streams.stderr):
        if output is not None:
            await output.end()
    if said:
        await error.write(said)
    await error.end()


async def _sizes(stream: Input) -> AsyncIterator[TerminalSize]:
    reader = SizeReader()
    while data := await stream.read():
        for size in reader.feed(data):
            yield size
