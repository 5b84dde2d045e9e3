"""The proxy as a whole: turns, limits, drain, upgrades, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path

import aiohttp
import openai
import pytest
from aiohttp import web
from openai.types.chat import ChatCompletionChunk

from bronzewillow.host import tasks
from bronzewillow.proxy import HttpLimits, HttpProxy, Upstream
from bronzewillow.testing import aio
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import Wire, listening, unix_socket_path, until
from bronzewillow.testing.proxied import proxied

pytestmark = pytest.mark.loopback

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"


async def answer_ok(wire: Wire) -> None:
    while True:
        await wire.request()
        wire.send(OK)


class Gate:
    """An upstream that answers when it is told to."""

    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[None] = asyncio.Queue()
        self.open = asyncio.Event()

    async def __call__(self, wire: Wire) -> None:
        while True:
            request = await wire.request()
            if request.start_line.startswith(b"POST"):
                self.arrivals.put_nowait(None)
                await self.open.wait()
            wire.send(OK)


def test_turns_and_the_queue() -> None:
    async def main() -> None:
        gate = Gate()
        limits = HttpLimits(concurrent_requests=2, queue_length=1)
        async with proxied(gate, limits) as rig:
            clients = [await rig.client() for _ in range(4)]
            for client in clients[:2]:
                client.send(POST)
                await gate.arrivals.get()
            clients[2].send(POST)
            await until(lambda: rig.proxy.queued == 1)
            assert rig.sample("bronzewillow_http_requests_queued") == 1
            clients[3].send(POST)
            response = await clients[3].response()
            assert (response.status, response.get(b"retry-after")) == (429, b"1")
            assert json.loads(response.body)["error"]["type"] == "rate_limit_error"
            assert json.loads(response.body)["error"]["code"] == "rate_limit_exceeded"
            clients[3].send(GET)  # a probe passes although all turns are taken
            assert (await clients[3].response()).body == b"ok"
            gate.open.set()
            for client in clients[:3]:
                assert (await client.response()).body == b"ok"
            assert rig.sample("bronzewillow_http_requests_queued") == 0
            for client in clients:
                await client.close()

    aio.run(main())


def test_requests_that_never_send_their_bodies_hold_no_turn() -> None:
    async def main() -> None:
        async with proxied(answer_ok, HttpLimits(concurrent_requests=2, queue_length=1)) as rig:
            silent = [await rig.client() for _ in range(8)]
            for client in silent:
                client.send(POST[:-1])
            await until(lambda: rig.proxy.in_flight == 8)
            async with await rig.client() as other:
                other.send(POST)
                assert (await other.response()).body == b"ok"
            leaver = silent.pop()
            leaver.reset()
            await until(lambda: rig.proxy.in_flight == len(silent))
            for client in silent:
                client.send(POST[-1:])
                assert (await client.response()).body == b"ok"
                await client.close()

    aio.run(main())


@pytest.mark.parametrize(("head", "rest"), [(POST[:-1], b"}"), (EXPECTING, b"{}")])
def test_bodies_on_their_way_hold_half_of_the_turns_at_most(head: bytes, rest: bytes) -> None:
    async def main() -> None:
        asked: asyncio.Queue[None] = asyncio.Queue()

        async def serve(wire: Wire) -> None:
            while True:
                await wire.head()
                asked.put_nowait(None)
                await wire.reader.readexactly(2)
                wire.send(OK)

        limits = HttpLimits(concurrent_requests=4, early_body_bytes=1)
        async with proxied(serve, limits) as rig:
            async with await rig.client() as first, await rig.client() as second, await rig.client() as other:
                first.send(head)
                await asked.get()
                second.send(head)
                await until(lambda: rig.proxy.queued == 1)  # one client has half of the half: one of four
                for _ in range(4):
                    other.send(POST)
                    assert (await other.response()).body == b"ok"
                    await asked.get()
                assert rig.proxy.queued == 1
                first.send(rest)
                await asked.get()
                second.send(rest)
                for client in (first, second):
                    assert (await client.response()).body == b"ok"
            assert rig.proxy.queued == 0

    aio.run(main())


def test_the_waits_of_a_body_on_its_way_are_one_wait() -> None:
    async def main() -> None:
        gate = Gate()
        limits = HttpLimits(
            concurrent_requests=1,
            early_body_bytes=1,
            queue_wait_s=300,
            header_timeout_s=150,
            body_timeout_s=900,
            keep_alive_s=900,
        )
        async with proxied(gate, limits) as rig:
            clients = working, first, second, clock = [await rig.client() for _ in range(4)]
            working.send(POST)
            await gate.arrivals.get()
            began_s = asyncio.get_running_loop().time()
            first.send(POST[:-1])  # has the only turn of such bodies, and waits for the other
            await until(lambda: rig.proxy.admission.queued == 1)
            clock.send(b"POST")
            assert (await clock.response()).status == 408
            second.send(POST[:-1])
            await until(lambda: rig.proxy.uploads.queued == 1)
            for client in (first, second):
                assert (await client.response()).status == 429
            assert asyncio.get_running_loop().time() - began_s < 550  # 150 and 300; not 300 and 300
            for client in clients:
                await client.close()

    run_leaping(main(), 2000)


def test_a_queued_client_that_leaves_makes_room() -> None:
    async def main() -> None:
        gate = Gate()
        limits = HttpLimits(concurrent_requests=1, queue_length=1)
        async with proxied(gate, limits) as rig:
            async with await rig.client() as working, await rig.client() as next_one:
                leaver = await rig.client()
                working.send(POST)
                await gate.arrivals.get()
                leaver.send(POST)
                await until(lambda: rig.proxy.queued == 1)
                leaver.reset()
                await until(lambda: not rig.proxy.queued)
                next_one.send(POST)
                await until(lambda: rig.proxy.queued == 1)
                gate.open.set()
                assert (await working.response()).body == b"ok"
                assert (await next_one.response()).body == b"ok"
            assert gate.arrivals.qsize() == 1  # the leaver's request never reached the upstream

    aio.run(main())


def test_200_requests_at_once() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            request = await wire.request()
            body = request.body * 100
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def main() -> None:
        limits = HttpLimits(concurrent_requests=50, queue_length=200)
        async with proxied(serve, limits) as rig:

            async def ask(number: int) -> None:
                body = b"<%03d>" % number
                async with await rig.client() as client:
                    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n" + body)
                    assert (await client.response()).body == body * 100

            await asyncio.gather(*(ask(number) for number in range(200)))
            assert rig.sample("bronzewillow_http_requests_total", status="200") == 200

    aio.run(main())


def test_close_lets_answers_end_and_tells_clients_so() -> None:
    async def main() -> None:
        gate = Gate()
        limits = HttpLimits(concurrent_requests=1)
        async with proxied(gate, limits) as rig:
            idle, working, queued = [await rig.client() for _ in range(3)]
            idle.send(GET)
            assert (await idle.response()).body == b"ok"
            working.send(POST)
            await gate.arrivals.get()
            queued.send(POST)
            await until(lambda: rig.proxy.queued == 1)
            closing = asyncio.get_running_loop().create_task(rig.proxy.close(drain_s=60))
            assert await idle.rest() == b""
            refused = await queued.response()
            assert (refused.status, refused.get(b"connection")) == (503, b"close")
            async with await rig.client() as late:
                assert (await late.response()).status == 503
            assert not closing.done()
            gate.open.set()
            response = await working.response()
            assert (response.body, response.get(b"connection")) == (b"ok", b"close")
            await closing
            for client in (idle, working, queued):
                await client.close()

    aio.run(main())


def test_close_cuts_what_does_not_end() -> None:
    async def main() -> None:
        gate = Gate()
        async with proxied(gate) as rig, await rig.client() as client:
            client.send(POST)
            await gate.arrivals.get()
            await rig.proxy.close(drain_s=0.01)
            assert (rig.proxy.connections, rig.proxy.in_flight, rig.proxy.pool.connections) == (0, 0, 0)
            with pytest.raises(ConnectionResetError):
                await client.rest()

    aio.run(main())


def test_websockets() -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("chat",), compress=True)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data[::-1])
        return socket

    async def main() -> None:
        async with unix_socket_path() as path:
            upstream = web.Server(echo)
            server = await asyncio.get_running_loop().create_unix_server(upstream, path)
            proxy = HttpProxy(pod="a/b", port=1, upstream=Upstream(path=path))
            await proxy.start()
            async with listening(proxy.protocol_factory) as port, aiohttp.ClientSession() as session:
                url = f"ws://127.0.0.1:{port}/"
                async with session.ws_connect(url, protocols=("chat",), compress=15) as socket:
                    assert (socket.protocol, socket.compress) == ("chat", 15)
                    for text in ("abc", "x" * 200_000 + "y"):
                        await socket.send_str(text)
                        assert await socket.receive_str() == text[::-1]
            await proxy.close(drain_s=5)
            server.close()
            await upstream.shutdown()

    aio.run(main())


def test_an_upgraded_connection_is_a_tunnel_with_half_close() -> None:
    async def main() -> None:
        async def serve(wire: Wire) -> None:
            head = await wire.head()
            assert (head.get(b"upgrade"), head.get(b"connection")) == (b"websocket", b"Upgrade")
            wire.send(b"HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst word")
            assert await wire.rest() == b"early bytes and late ones"
            wire.send(b", last word")

        async with proxied(serve) as rig, await rig.client() as client:
            asked = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            client.send(asked + b"early bytes")
            head = await client.head()
            assert (head.start_line, head.get(b"upgrade")) == (b"HTTP/1.1 101 Go", b"websocket")
            assert await client.reader.readexactly(10) == b"first word"
            client.send(b" and late ones")
            client.end()
            assert await client.rest() == b", last word"

    aio.run(main())


@pytest.mark.parametrize(
    ("said", "passed"),
    [(b"Upgrade: \xff\r\n", b"\xff"), (b"", b"websocket"), (b"upgrade: other\r\n", b"other")],
)
def test_the_upstream_says_what_it_has_switched_to(said: bytes, passed: bytes) -> None:
    async def serve(wire: Wire) -> None:
        await wire.head()
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n" + said + b"\r\n")

    async def main() -> None:
        async with proxied(serve) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            response = await client.response()
            assert (response.status, response.get(b"upgrade")) == (101, passed)

    aio.run(main())


def test_what_a_client_says_before_the_switch_is_no_head() -> None:
    words = b"w" * 40_000

    async def serve(wire: Wire) -> None:
        await wire.head()
        await said.wait()
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        wire.send(await wire.reader.readexactly(len(words)))

    said = asyncio.Event()

    async def main() -> None:
        async with proxied(serve, HttpLimits(header_bytes=1024)) as rig, await rig.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            await until(lambda: rig.proxy.in_flight == 1)
            for at in range(0, len(words), 1000):
                client.send(words[at : at + 1000])
                await asyncio.sleep(0)
            said.set()
            assert (await client.response()).status == 101
            assert await client.reader.readexactly(len(words)) == words

    aio.run(main())


def test_a_declined_upgrade_is_an_ordinary_answer() -> None:
    async def main() -> None:
        async with proxied(answer_ok) as rig, await rig.client() as client:
            asked = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            client.send(asked + GET)
            assert (await client.response()).body == b"ok"
            assert (await client.response()).body == b"ok"

    aio.run(main())


def test_openai_clients_understand_our_errors_and_stop_the_model_by_leaving() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    event = (
        b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m",'
        b'"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":null}]}\n\n'
    )

    async def main() -> None:
        stopped = asyncio.Event()

        async def serve(wire: Wire) -> None:
            request = await wire.request()
            wire.send(head + b"%x\r\n%b\r\n" % (len(event), event))
            if b"stay" in request.body:
                await wire.rest()
                stopped.set()

        limits = HttpLimits(concurrent_requests=1, queue_length=0)
        async with (
            proxied(serve, limits) as rig,
            openai.AsyncOpenAI(
                base_url=f"http://127.0.0.1:{rig.port}/v1", api_key="k", max_retries=0
            ) as client,
        ):

            async def ask(text: str) -> openai.AsyncStream[ChatCompletionChunk]:
                return await client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": text}], stream=True
                )

            stream = await ask("die")
            with pytest.raises(openai.APIError, match="port 8080"):
                async for chunk in stream:
                    assert chunk.choices[0].delta.content == "word"
            stream = await ask("stay")
            assert (await anext(aiter(stream))).choices[0].delta.content == "word"
            with pytest.raises(openai.RateLimitError, match="busy"):
                await ask("one too many")
            await stream.close()
            await stopped.wait()
        async with (
            proxied(None) as rig,
            openai.AsyncOpenAI(
                base_url=f"http://127.0.0.1:{rig.port}/v1", api_key="k", max_retries=0
            ) as client,
        ):
            with pytest.raises(openai.InternalServerError, match="socket does not exist"):
                await client.models.list()

    aio.run(main())


def _open_files() -> int:
    folder = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    return len(list(folder.iterdir()))


def test_nothing_is_left_of_500_connections() -> None:
    async def serve(wire: Wire) -> None:
        while True:
            request = await wire.request()
            wire.send(OK if request.start_line.startswith(b"GET") else b"HTTP/1.1 200 OK\r\n\r\nstart")

    async def main() -> None:
        async with proxied(serve, HttpLimits(upstream_idle_connections=1)) as rig:

            async def one(number: int) -> None:
                client = await rig.client()
                if number % 5 == 0:
                    client.send(GET)
                    assert (await client.response()).body == b"ok"
                    await client.close()
                elif number % 5 == 1:
                    client.send(POST)
                    await client.head()
                    client.reset()
                elif number % 5 == 2:
                    client.send(POST)
                    await client.close()
                elif number % 5 == 3:
                    client.send(b"nonsense\r\n\r\n")
                    await client.rest()
                    await client.close()
                else:
                    client.reset()

            async def settled() -> None:
                proxy = rig.proxy
                await one(0)  # whose connection to the upstream is kept
                await until(
                    lambda: not proxy.connections and not proxy.in_flight and proxy.pool.connections == 1
                )

            for number in range(10):
                await one(number)
            await settled()
            gc.collect()
            files, all_tasks, spawned = _open_files(), len(asyncio.all_tasks()), tasks.running()
            for start in range(0, 500, 50):
                await asyncio.gather(*(one(start + number) for number in range(50)))
            await settled()
            gc.collect()
            # The upstream of this test ends a few turns later; what is leaked never does.
            await until(lambda: tasks.running() <= spawned and len(asyncio.all_tasks()) <= all_tasks)
            await until(lambda: _open_files() <= files)

    aio.run(main())
