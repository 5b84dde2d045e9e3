"""The demo's model, fetched once by the runtime's own program."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bronzewillow.demo.errors import DemoError


async def fetch_model() -> Path:
    """The path of the GGUF file. The fetching program shows its progress on standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.models.smollm2", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise DemoError("the model could not be fetched; name a GGUF file with --model, or try again online")
    return Path(output.decode().strip().splitlines()[-1])
