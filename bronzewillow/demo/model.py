"""The demo's model: fetched once, made an image, and moved as images are, by the runtime's own programs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bronzewillow.demo.errors import DemoError

IMAGE = "demo/smollm2"
_REPORTED = 300


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
    await _runm("create", name, "--model", str(path))
    if registry:
        options = ("--insecure", registry.partition("/")[0]) if insecure else ()
        for verb in ("push", "rm", "pull"):
            tell(f"runm {verb} {name}")
            await _runm(verb, *(options if verb != "rm" else ()), name)
    return name


async def _runm(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.runm", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoError(_last_line(output.decode(errors="replace").splitlines()))


def _last_line(lines: Sequence[str]) -> str:
    said = [line for line in lines if line.strip()]
    return said[-1].removeprefix("runm: ")[:_REPORTED] if said else "runm said nothing"
