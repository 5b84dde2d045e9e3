from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from runtime.api.task_pb2 import StateRequest, StateResponse
from runtime.api.ttrpc_pb2 import Request, Response
from runtime.ttrpc.errors import Code
from runtime.ttrpc.frame import Frame, FrameReader, Kind, emit_frame

from .conftest import Serve

pytestmark = pytest.mark.loopback


async def answer(path: Path, frame: Frame) -> Response:
    """Of one frame, by hand."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(emit_frame(frame))
    frames: list[Frame] = []
    frame_reader = FrameReader()
    while not frames:
        frames = frame_reader.feed(await reader.read(1 << 16))
    writer.close()
    await writer.wait_closed()
    assert (frames[0].stream, frames[0].kind) == (frame.stream, Kind.RESPONSE)
    return Response.FromString(frames[0].data)


def request(payload: bytes = b"") -> bytes:
    return Request(service="a.Names", method="Ask", payload=payload).SerializeToString()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(1, Kind.REQUEST, 0, request()), Code.OK),
        (Frame(3, Kind.REQUEST, 0, b"\xff\xff"), Code.INVALID_ARGUMENT),
        (Frame(5, Kind.REQUEST, 0, request(b"\xff\xff")), Code.INVALID_ARGUMENT),
        (Frame(7, Kind.REQUEST, 2, request()), Code.UNIMPLEMENTED),  # a stream
    ],
)
def test_every_request_has_an_answer(serve: Serve, frame: Frame, code: Code) -> None:
    async def main() -> None:
        async with serve() as (_, _, path):
            assert (await answer(path, frame)).status.code == code

    run(main())


def test_bytes_that_are_no_frames_end_the_connection(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as (client, _, path):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            assert await client.call("a.Names", "Nothing", Empty(), Empty) == Empty()

    run(main())


def test_who_has_gone_waits_for_nothing(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as (client, names, _):
            call = asyncio.ensure_future(  # noqa: TID251
                client.call("a.Names", "Ask", StateRequest(id="slow"), StateResponse, 30)
            )
            await client.call("a.Names", "Nothing", Empty(), Empty)
            call.cancel()
            client.close()
            await until(lambda: names.cancelled == 1)

    run(main())


def test_the_limit_of_a_call_is_the_clients(serve: Serve) -> None:
    async def main() -> None:
        async with serve() as (_, names, path):
            limited = Request(
                service="a.Names", method="Ask", payload=StateRequest(id="slow").SerializeToString(),
                timeout_nano=10_000_000,
            )  # fmt: skip
            found = await answer(path, Frame(1, Kind.REQUEST, 0, limited.SerializeToString()))
            assert found.status.code == Code.DEADLINE_EXCEEDED
            assert names.cancelled == 1

    run(main())
