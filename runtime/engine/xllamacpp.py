"""llama.cpp's server code inside this process, through the xllamacpp binding: the default engine.

Each generation runs in a thread of its own, which spends its time in C++ without the GIL and calls back
once per token. Answering True to a callback ends the generation; so does its end. Two habits of the library
shape this file:

- It always opens an HTTP listener of its own, open to any web page. It gets a socket in a private folder,
  a random key, and loses its name before `load` returns, so that nothing can reach it.
- It installs its own SIGINT and SIGTERM handlers when the model has loaded. Both are held back during the
  load, and ours are put back before they are let through.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

from runtime.engine.interface import (
    Embeddings,
    Engine,
    EngineConfig,
    EngineFailed,
    Event,
    Generation,
    InvalidRequest,
    LoadError,
    ModelInfo,
    Unsupported,
)
from runtime.engine.llama_json import ChunkReader, emit_request, parse_embeddings
from runtime.engine.model_file import open_model
from runtime.engine.stderr_tap import StderrTap
from runtime.engine.thread_stream import ThreadStream, in_thread
from runtime.gguf import GgufHeader

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class XllamacppEngine(Engine):
    """llama.cpp's server in this process as an engine; see the module."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._server: Any = None
        self._embeddings = False

    async def load(self) -> ModelInfo:
        header = open_model(self._config.model, self._config.adapters, self._config.projector)
        try:
            import xllamacpp
        except ImportError as err:
            raise LoadError(f"the engine xllamacpp is not installed: {err}") from err
        self._embeddings = self._config.embeddings
        folder = Path(tempfile.mkdtemp(prefix="runm-"))
        tap = StderrTap(forward=self._config.verbose)
        try:
            params = self._params(xllamacpp, header, folder / "s.sock")
            with tap:
                self._server = await _load_in_thread(lambda: xllamacpp.Server(params))
        except RuntimeError as err:
            raise LoadError(tap.reason() or str(err)) from err
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return ModelInfo(
            context_tokens=self._config.context_tokens,
            slots=self._config.parallel,
            chat=header.generates,
            completion=header.generates,
            tools=header.has_tools(self._config.chat_template),
            embeddings=self._embeddings,
            images=self._config.projector is not None,
            json_schema=True,
            logprobs=True,
            longest_token_bytes=header.longest_token_bytes,
            engine=f"xllamacpp-{xllamacpp.__version__}",
        )

    async def generate(self, request: Generation) -> AsyncGenerator[Event, None]:
        server = self._server
        run = server.handle_completions if request.messages is None else server.handle_chat_completions
        body = json.dumps(emit_request(request)).encode()
        stream: ThreadStream[bytes] = ThreadStream(lambda on_chunk: run(body, on_chunk))
        reader = ChunkReader(request)
        try:
            async for chunk in stream.chunks():
                for event in reader.read(json.loads(chunk)):
                    yield event
            yield reader.usage()
        finally:
            await stream.stop()

    async def embed(self, inputs: Sequence[str | tuple[int, ...]]) -> Embeddings:
        if not self._embeddings:
            raise Unsupported("embeddings are switched off for this model")
        body = json.dumps({"input": [list(i) if isinstance(i, tuple) else i for i in inputs]}).encode()
        return parse_embeddings(json.loads(await in_thread(lambda: self._call_embeddings(body))))

    async def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            holder = [server]
            del server
            await in_thread(holder.clear)  # the destructor joins llama.cpp's own threads

    def _call_embeddings(self, body: bytes) -> bytes:
        try:
            answer: bytes = self._server.handle_embeddings(body)
        except ValueError as err:
            raise InvalidRequest(str(err)) from err
        except RuntimeError as err:
            raise EngineFailed(str(err)) from err
        return answer

    def _params(self, library: Any, header: GgufHeader, socket_path: Path) -> Any:
        config = self._config
        params = library.CommonParams()
        params.model.path = str(config.model)
        params.n_ctx = config.context_tokens * config.parallel  # the pool that all slots share
        params.n_parallel = config.parallel
        params.n_batch = params.n_ubatch = config.batch_tokens
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.threads
        params.n_gpu_layers = config.gpu_layers
        params.cache_ram_mib = config.cache_ram_mib
        params.fit_params = False  # it would shrink the context behind our back
        params.n_threads_http = 1
        params.hostnames = [str(socket_path)]
        params.api_keys = [secrets.token_urlsafe(32)]
        params.cors_origins = ""
        params.ui = False
        params.endpoint_slots = False
        params.verbosity = 3 if config.verbose else 1
        params.embedding = self._embeddings
        if self._embeddings and header.pooling is None:
            params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        if config.chat_template is not None:
            params.chat_template = config.chat_template
        if config.projector is not None:
            params.mmproj.path = str(config.projector)
        params.lora_adapters = [_adapter(library, path) for path in config.adapters]
        return params


def _adapter(library: Any, path: Path) -> Any:
    adapter = library.CommonAdapterLoraInfo()
    adapter.path, adapter.scale = str(path), 1.0
    return adapter


async def _load_in_thread(call: Callable[[], Any]) -> Any:
    """Run the load with SIGINT and SIGTERM held back, looking for them a few times a second."""
    if threading.current_thread() is not threading.main_thread():
        return await in_thread(call)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # the new thread inherits the mask
    try:
        future = in_thread(call)
        while not future.done():
            await asyncio.wait([future], timeout=0.05)
            if not future.done() and signal.sigpending() & set(_SIGNALS):
                _restore_handlers()
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        return future.result()
    finally:
        _restore_handlers()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _restore_handlers() -> None:
    """Python believes that its handlers are in place; say it again to the kernel."""
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler is None:
            continue
        signal.signal(number, handler)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.siginterrupt(number, False)  # as asyncio has it
