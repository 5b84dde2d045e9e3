"""The demo's model: fetched once, made an image, and moved as images are, by the runtime's own programs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from bronzewillow.demo.errors import DemoError

IMAGE = "demo/smollm2"
_REPORTED = 300
_HELD_S = 0.5
"""A line that ends a program is its refusal, which is not told twice."""


async def fetch_model() -> Path:
    """The path of the GGUF file. The fetching program shows its progress on standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.models.smollm2", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoError("the model could not be fetched; name a GGUF file with --model, or try again online")
    return Path(output.decode().strip().splitlines()[-1])


async def make_image(path: Path, registry: str, insecure: bool, tell: Callable[[str], None]) -> str:
    """The name of an image of `path`; with `registry`, one that went there and came back. DemoError."""
    name = f"{registry}/{IMAGE}" if registry else IMAGE
    tell(f"runm create {name} --model {path.name}")
    await _runm("create", name, "--model", str(path), tell=lambda line: None)
    if registry:
        options = ("--insecure", registry.partition("/")[0]) if insecure else ()
        for verb in ("push", "rm", "pull"):
            tell(f"runm {verb} {name}")
            await _runm(verb, *(options if verb != "rm" else ()), name, tell=tell)
    return name


async def _runm(*arguments: str, tell: Callable[[str], None]) -> None:
    """`tell` hears what it says on standard error while it runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.runm", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    last = await _follow(process.stdout, tell)
    if await process.wait():
        raise DemoError(last or "runm said nothing")


async def _follow(output: asyncio.StreamReader, tell: Callable[[str], None]) -> str:
    """The last line; all lines that others follow, or nothing for a moment, are told."""
    last, is_held = "", False
    raw: bytes | None
    while True:
        try:
            async with asyncio.timeout(_HELD_S if is_held else None):
                raw = await output.readline()
        except TimeoutError:
            raw = None
        if is_held and raw != b"":
            tell(last)
            is_held = False
        if raw == b"":
            return last
        if raw is not None and (line := raw.decode(errors="replace").strip()):
            last, is_held = line.removeprefix("runm: ")[:_REPORTED], True
