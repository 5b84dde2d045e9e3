"""An external llama-server: upstream's own program, as a child process on a socket in a private folder.

For models newer than the binding, for special builds, and for llama.cpp's RPC over several machines. Nobody
else reaches it: the folder is ours alone, and it asks for a key that it reads from a file there. If this
process is killed, a watchdog kills the child, which would otherwise keep the model's memory for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from bronzewillow.host.children import send_signal
from bronzewillow.host.tasks import spawn
from runtime.engine.interface import (
    Embeddings,
    Engine,
    EngineConfig,
    EngineError,
    EngineFailed,
    Event,
    Generation,
    LoadError,
    ModelInfo,
    Unsupported,
)
from runtime.engine.llama_json import ChunkReader, emit_request, parse_embeddings, parse_error
from runtime.engine.model_file import open_model
from runtime.engine.stderr_tap import telling_line
from runtime.gguf import GgufHeader

_BASE = "http://llama-server"
_POLL_S = 0.05
_TERMINATE_S = 3.0
# Reads until our end of the pipe closes, which is when this process has ended in whatever way.
_WATCHDOG = 'read _; kill -KILL "$1"'


class LlamaServerEngine(Engine):
    """See the module. Option `program`: the path of llama-server, by default searched for in PATH."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watchdog: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._reader: asyncio.Task[None] | None = None
        self._lines: deque[str] = deque(maxlen=200)
        self._embeddings = config.embeddings

    async def load(self) -> ModelInfo:
        header = open_model(self._config.model, self._config.adapters, self._config.projector)
        program = self._program()
        self._folder = Path(tempfile.mkdtemp(prefix="runm-"))
        await self._spawn(program, header)
        try:
            await self._wait_until_healthy()
        except BaseException:
            await self.close()
            raise
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
            engine="llama-server",
        )

    async def generate(self, request: Generation) -> AsyncGenerator[Event, None]:
        path = "/v1/completions" if request.messages is None else "/v1/chat/completions"
        reader = ChunkReader(request)
        try:
            async with self._client().post(f"{_BASE}{path}", json=emit_request(request)) as response:
                if response.status != 200:
                    raise await _read_error(response)
                async for data in _sse_data(response.content):
                    for event in reader.read(json.loads(data)):
                        yield event
        except (aiohttp.ClientError, OSError) as err:
            raise EngineFailed(f"llama-server does not answer: {err}") from err
        yield reader.usage()

    async def embed(self, inputs: Sequence[str | tuple[int, ...]]) -> Embeddings:
        if not self._embeddings:
            raise Unsupported("embeddings are switched off for this model")
        body = {"input": [list(one) if isinstance(one, tuple) else one for one in inputs]}
        try:
            async with self._client().post(f"{_BASE}/v1/embeddings", json=body) as response:
                if response.status != 200:
                    raise await _read_error(response)
                return parse_embeddings(await response.json())
        except (aiohttp.ClientError, OSError) as err:
            raise EngineFailed(f"llama-server does not answer: {err}") from err

    async def died(self) -> str:
        assert self._process is not None
        code = await self._process.wait()
        return f"llama-server ended with {code}: {telling_line(reversed(self._lines))}".rstrip(": ")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._process is not None and self._process.returncode is None:
            send_signal(self._process, signal.SIGTERM)
            try:
                async with asyncio.timeout(_TERMINATE_S):
                    await self._process.wait()
            except TimeoutError:
                send_signal(self._process, signal.SIGKILL)
                await self._process.wait()
        if self._reader is not None:
            await self._reader
        if self._watchdog is not None and self._watchdog.returncode is None:
            send_signal(self._watchdog, signal.SIGKILL)
            await self._watchdog.wait()
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            with contextlib.suppress(OSError):
                await self._watchdog.stdin.wait_closed()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _program(self) -> str:
        wanted = self._config.options.get("program") or "llama-server"
        program = shutil.which(wanted)
        if program is None:
            raise LoadError(f"{wanted}: no such program; name it with --llama-server PATH")
        return program

    async def _spawn(self, program: str, header: GgufHeader) -> None:
        assert self._folder is not None
        key = secrets.token_urlsafe(32)
        key_file = self._folder / "key"
        key_file.touch(mode=0o600)
        key_file.write_text(key + "\n")
        try:
            self._process = await asyncio.create_subprocess_exec(
                program,
                *self._arguments(header, key_file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as err:
            raise LoadError(f"{program}: {err.strerror or err}") from err
        self._watchdog = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _WATCHDOG, "sh", str(self._process.pid), stdin=asyncio.subprocess.PIPE
        )
        self._reader = spawn(self._read_stderr(self._process), name="llama-server stderr")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self._folder / "s.sock"), limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"Authorization": f"Bearer {key}"},
        )

    def _arguments(self, header: GgufHeader, key_file: Path) -> list[str]:
        assert self._folder is not None
        config = self._config
        arguments = {
            "--model": str(config.model),
            "--host": str(self._folder / "s.sock"),
            "--api-key-file": str(key_file),
            "--ctx-size": str(config.context_tokens * config.parallel),
            "--parallel": str(config.parallel),
            "--threads": str(config.threads),
            "--threads-batch": str(config.threads),
            "--cache-ram": str(config.cache_ram_mib),
            "--fit": "off",
        }
        if config.gpu_layers >= 0:
            arguments["--gpu-layers"] = str(config.gpu_layers)
        if config.chat_template is not None:
            template = self._folder / "template.jinja"
            template.write_text(config.chat_template)
            arguments["--chat-template-file"] = str(template)
        flags = ["--jinja", "--no-webui", "--no-slots"]
        if config.embeddings:
            flags.append("--embeddings")
            arguments["--batch-size"] = arguments["--ubatch-size"] = str(config.batch_tokens)
            if header.pooling is None:
                arguments["--pooling"] = "mean"
        if config.projector is not None:
            arguments["--mmproj"] = str(config.projector)
        for adapter in config.adapters:
            flags += ["--lora", str(adapter)]
        return [*flags, *(word for pair in arguments.items() for word in pair)]

    async def _wait_until_healthy(self) -> None:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                if self._reader is not None:
                    await self._reader
                code = self._process.returncode
                raise LoadError(telling_line(self._lines) or f"llama-server ended with {code}")
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with self._client().get(f"{_BASE}/health") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(_POLL_S)

    async def _read_stderr(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            text = line.decode(errors="replace").rstrip()
            self._lines.append(text)
            if self._config.verbose:
                print(text, file=sys.stderr)  # noqa: T201

    def _client(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session


async def _read_error(response: aiohttp.ClientResponse) -> EngineError:
    try:
        return parse_error((await response.json(content_type=None))["error"])
    except (ValueError, KeyError, TypeError):
        return EngineFailed(f"llama-server answered {response.status}")


async def _sse_data(stream: aiohttp.StreamReader) -> AsyncIterator[str]:
    """The `data:` payloads up to `[DONE]`; a payload may be longer than any line limit."""
    rest = b""
    async for block in stream.iter_any():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if line.startswith(b"data: ") and line != b"data: [DONE]":
                yield line[6:].decode()
            elif line.startswith(b"error: "):  # an older spelling of an error in a stream
                yield json.dumps({"error": _loads(line[7:])})


def _loads(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"message": text.decode(errors="replace")}
