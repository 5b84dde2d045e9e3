"""`runm serve`: one model behind OpenAI's API, from the first byte of its file to the last answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from bronzewillow.host.http_server import http_runner
from bronzewillow.host.listening import ONE, QUEUE, tell_scarcity_shortly
from bronzewillow.host.open_files import raise_open_files
from bronzewillow.host.tasks import spawn
from runtime.engine.interface import Engine, EngineConfig, LoadError
from runtime.engine.model_file import open_model
from runtime.engine.registry import ENGINES, MODELLESS_ENGINES
from runtime.gguf import GgufHeader
from runtime.openai.app import make_app
from runtime.openai.guard import Guard
from runtime.openai.preset import Preset
from runtime.openai.service import ModelCard, Phase, Service
from runtime.refusal import Refusal
from runtime.runm.lingering import linger
from runtime.runm.listen import Address, Listener, listen

_log = logging.getLogger(__name__)
_CLOSE_LIMIT_S = 5.0


class ServeError(Refusal):
    """`runm serve` cannot go on; one line for the user."""


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """All that `runm serve` was told."""

    model: Path | None
    """The GGUF file; None only for engines without a model."""
    listen: tuple[Address, ...]
    """Where to serve, at least one."""
    engine: str = "xllamacpp"
    """A name in the registry."""
    name: str = ""
    """The model's id in the API; by default the file's name without its suffix."""
    aliases: tuple[str, ...] = ()
    """Other names that requests may use."""
    context_tokens: int = 0
    """Tokens per slot; 0 takes what the model was trained with, at most 4096."""
    batch_tokens: int = 512
    """Tokens of a prompt that are computed at once, at most."""
    parallel: int = 4
    """Slots."""
    queue: int = 32
    """Requests that may wait for a slot."""
    threads: int = 1
    """CPU threads."""
    gpu_layers: int = -1
    """Layers on the GPU; -1 lets llama.cpp choose."""
    cache_ram_mib: int = 256
    """Memory for prompts of ended conversations, in MiB."""
    embeddings: bool = True
    """Whether /v1/embeddings is served."""
    chat_template: str | None = None
    """A Jinja template that replaces the model's own."""
    preset: Preset = field(default_factory=Preset)
    """What the model's image says about every request."""
    memory_limit_bytes: int = 0
    """What the model may take, as far as it can be told beforehand; 0 is no limit."""
    adapters: tuple[Path, ...] = ()
    """LoRA adapters, applied in this order."""
    projector: Path | None = None
    """What lets the model see images."""
    keys: tuple[str, ...] = ()
    """API keys; none means that none is needed."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may use the API."""
    hosts: tuple[str, ...] = ()
    """Further Host names accepted over TCP loopback."""
    body_bytes: int = 32 << 20
    """Longest request body."""
    linger_s: float = 5.0
    """How long new requests are taken after SIGTERM, at most: see `lingering`."""
    drain_s: float = 30.0
    """How long running answers may take after that."""
    verbose: bool = False
    """Whether llama.cpp's own log is shown."""
    engine_options: tuple[tuple[str, str], ...] = ()
    """Settings of one engine only."""


_DEFAULT_CONTEXT_TOKENS = 4096


async def serve(config: ServeConfig) -> bool:
    """Serve until SIGTERM or SIGINT. True if everything ended in order; ServeError or ListenError with one
    line.
    """
    raise_open_files()
    tell_scarcity_shortly()
    header = _read_model(config)
    engine_config = _engine_config(config, header)
    _check_memory(config, engine_config, header)
    service = Service(
        ENGINES[config.engine](engine_config),
        _card(config, header),
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
            async with _http(service, config, listeners) as sites:
                if not await _load(service, stop):
                    return False
                _tell_ready(config, listeners, header)
                await _until(stop, engine)
                await linger(service, hurry, config.linger_s if stop.is_polite else 0)
                service.phase = Phase.DRAINING
                for site in sites:
                    await site.stop()
                for listener in listeners:
                    listener.close()
                await _drain(service, hurry, config.drain_s)
        return await _close(engine)


def _read_model(config: ServeConfig) -> GgufHeader | None:
    if config.model is None:
        if config.engine in MODELLESS_ENGINES:
            return None
        raise ServeError("no model: say --model FILE.gguf")
    try:
        return open_model(config.model, config.adapters, config.projector)
    except LoadError as err:
        raise ServeError(str(err)) from err


def _engine_config(config: ServeConfig, header: GgufHeader | None) -> EngineConfig:
    trained = header.trained_context_tokens if header is not None else 0
    context = config.context_tokens or min(trained or _DEFAULT_CONTEXT_TOKENS, _DEFAULT_CONTEXT_TOKENS)
    has_template = bool(header and header.chat_template) or config.chat_template or config.preset.template
    if header is not None and header.generates and not has_template:
        _log.warning("%s has no chat template: ChatML is assumed, and answers may be odd", config.model)
    if config.context_tokens and trained and config.context_tokens > trained:
        _log.warning(
            "--context %d is more than the %d tokens that the model was trained with", context, trained
        )
    return EngineConfig(
        model=config.model or Path(),
        context_tokens=context,
        parallel=config.parallel,
        batch_limit_tokens=config.batch_tokens,
        threads=config.threads,
        gpu_layers=config.gpu_layers,
        cache_ram_mib=config.cache_ram_mib,
        embeddings=config.embeddings,
        chat_template=config.chat_template,
        adapters=config.adapters,
        projector=config.projector,
        verbose=config.verbose,
        options=dict(config.engine_options),
    )


def _check_memory(config: ServeConfig, engine: EngineConfig, header: GgufHeader | None) -> None:
    """Refuse what cannot fit, instead of being killed for it half-way through the load."""
    if header is None or not config.memory_limit_bytes:
        return
    need = header.memory_bytes(engine.context_tokens * engine.parallel)
    others = (*engine.adapters, *((engine.projector,) if engine.projector else ()))
    need += sum(path.stat().st_size for path in others)
    if need > config.memory_limit_bytes:
        slots = f"{engine.parallel} slots of {engine.context_tokens} tokens"
        raise ServeError(
            f"{config.model}: needs about {_gib(need)} with {slots}, the limit is "
            f"{_gib(config.memory_limit_bytes)}: lower --context or --parallel, or raise the limit"
        )


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.2f} GiB"


def _card(config: ServeConfig, header: GgufHeader | None) -> ModelCard:
    meta: dict[str, Any] = {}
    if header is not None:
        meta = {
            "architecture": header.architecture,
            "name": header.name,
            "quantization": header.quantisation,
            "n_params": header.parameters,
            "n_ctx_train": header.trained_context_tokens,
            "n_embd": header.embedding_length,
            "size": header.file_bytes,
        }
    created = int(config.model.stat().st_mtime) if config.model is not None else 0
    stem = config.model.stem if config.model is not None else config.engine
    return ModelCard(config.name or stem, config.aliases, created, meta=meta)


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
) -> AsyncIterator[list[web.SockSite]]:
    guard = Guard(config.keys, config.origins, config.hosts)
    app = make_app(service, guard, body_bytes=config.body_bytes)
    runner = http_runner(app, __name__, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        sites = [web.SockSite(runner, listener.socket, backlog=ONE) for listener in listeners]
        for site, listener in zip(sites, listeners, strict=True):
            await site.start()
            listener.socket.listen(QUEUE)
        yield sites
    finally:
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


def _tell_ready(config: ServeConfig, listeners: list[Listener], header: GgufHeader | None) -> None:
    if header is not None and config.verbose:
        context = _engine_config(config, header).context_tokens * config.parallel
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
