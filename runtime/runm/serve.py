"""`runm serve`: one model behind OpenAI's API, from the first byte of its file to the last answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil

from bronzewillow.host.http_server import Crowd, http_runner
from bronzewillow.host.listening import ONE, QUEUE, tell_scarcity_shortly
from bronzewillow.host.open_files import raise_open_files
from bronzewillow.host.tasks import spawn
from runtime.engine.interface import Engine, EngineConfig, LoadError
from runtime.engine.registry import ENGINES
from runtime.gguf import GgufHeader
from runtime.openai.app import make_app
from runtime.openai.guard import Guard
from runtime.openai.service import Phase, Service
from runtime.runm.lingering import linger
from runtime.runm.listen import Listener, listen
from runtime.runm.serve_config import (
    ServeConfig,
    ServeError,
    check_memory,
    engine_config,
    model_card,
    read_model,
)

_log = logging.getLogger(__name__)
_CLOSE_LIMIT_S = 5.0
_MOST = 1024
"""Connections over TCP; a unix socket is its owner's."""
_KEEP_ALIVE_S = 75.0
"""For a request's head, and until the next one."""


async def serve(config: ServeConfig) -> bool:
    """Serve until SIGTERM or SIGINT. True if everything ended in order; ServeError or ListenError with one
    line.
    """
    raise_open_files()
    tell_scarcity_shortly()
    header = read_model(config)
    settings = engine_config(config, header)
    check_memory(config, settings, header, psutil.virtual_memory().total)
    service = Service(
        ENGINES[config.engine](settings),
        model_card(config, header),
        slots=config.parallel,
        queue_limit=config.queue,
        preset=config.preset,
    )
    engine = service.engine
    stop = _Stop()
    hurry = asyncio.Event()
    with _signals(stop, hurry):  # before the first socket exists, which a signal must not leave behind
        with contextlib.ExitStack() as bound:
            listeners: list[Listener] = []
            for address in config.listen:
                listener = listen(address)
                bound.callback(listener.close)
                listeners.append(listener)
            async with _http(service, config, listeners) as servers:
                if not await _load(service, stop):
                    return False
                _tell_ready(config, settings, listeners, header)
                await _until(stop, engine)
                await linger(service, hurry, config.linger_s if stop.is_polite else 0)
                service.phase = Phase.DRAINING
                for server in servers:
                    server.close()
                for listener in listeners:
                    listener.close()
                await _drain(service, hurry, config.drain_s)
        return await _close(engine)


class _Stop(asyncio.Event):
    """The order to end."""

    is_polite = False
    """Whether it came by SIGTERM, as from a kubelet, and not from a keyboard."""


@contextlib.contextmanager
def _signals(stop: _Stop, hurry: asyncio.Event) -> Any:
    """The first signal ends the service in order, the second one at once."""
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            hurry.set()
        else:
            stop.is_polite = number == signal.SIGTERM
        stop.set()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _http(
    service: Service, config: ServeConfig, listeners: list[Listener]
) -> AsyncIterator[list[asyncio.Server]]:
    guard = Guard(config.keys, config.origins, config.hosts)
    app = make_app(service, guard, body_bytes=config.body_bytes)
    crowd, loop = Crowd(_MOST), asyncio.get_running_loop()
    app.middlewares.append(crowd.answering)
    runner = http_runner(
        app, __name__, handle_signals=False, shutdown_timeout=1.0, keepalive_timeout=_KEEP_ALIVE_S
    )
    await runner.setup()
    assert runner.server is not None
    servers: list[asyncio.Server] = []
    try:
        for listener in listeners:
            made = runner.server if listener.address.path is not None else crowd.door(runner.server)
            servers.append(await loop.create_server(made, sock=listener.socket, backlog=ONE))
            listener.socket.listen(QUEUE)
        yield servers
    finally:
        for server in servers:
            server.close()
        await runner.cleanup()


async def _load(service: Service, stop: asyncio.Event) -> bool:
    """True when the model is there; False if we were told to stop before."""
    load = spawn(_load_quietly(service), name="load")
    stopped = spawn(stop.wait(), name="stop")
    await asyncio.wait([load, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not load.done():
        load.cancel()
        await asyncio.wait([load])
        return False
    if error := load.result():
        raise ServeError(f"{service.card.name}: {error}") from error
    return True


async def _load_quietly(service: Service) -> LoadError | None:
    try:
        await service.load()
    except LoadError as err:
        return err
    return None


def _tell_ready(
    config: ServeConfig, settings: EngineConfig, listeners: list[Listener], header: GgufHeader | None
) -> None:
    if header is not None and config.verbose:
        context = settings.context_tokens * settings.parallel
        _log.info("memory: about %d MiB", header.memory_bytes(context) >> 20)
    for listener in listeners:
        where = listener.address if listener.address.path is not None else f"http://{listener.address}"
        print(f"listening on {where}", file=sys.stderr)  # noqa: T201
    print("ready", file=sys.stderr, flush=True)  # noqa: T201


async def _until(stop: asyncio.Event, engine: Engine) -> None:
    """Wait for the order to stop; ServeError if the engine dies first."""
    stopped, died = spawn(stop.wait(), name="stop"), spawn(engine.died(), name="engine")
    await asyncio.wait([stopped, died], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, died):
        task.cancel()
    if not stopped.done() and died.done():
        raise ServeError(died.result())


async def _drain(service: Service, hurry: asyncio.Event, limit_s: float) -> None:
    """Wait until the last answer is out, or the limit has passed, or a second signal has come."""
    idle = spawn(service.until_idle(), name="idle")
    hurried = spawn(hurry.wait(), name="hurry")
    await asyncio.wait([idle, hurried], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    for task in (idle, hurried):
        task.cancel()
    if not idle.done():
        _log.warning("not all answers were finished within %g s", limit_s)


async def _close(engine: Engine) -> bool:
    try:
        async with asyncio.timeout(_CLOSE_LIMIT_S):
            await engine.close()
    except TimeoutError:
        return False
    return True
