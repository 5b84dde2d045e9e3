"""Tokens per second and time to the first token of `runm serve`, by number of streams at once.

    python -m benchmarks.runm [--model FILE.gguf] [--engine NAME] [--tokens N] [--json FILE]

Each stream asks for a fixed number of tokens over a unix socket; prompts differ, so that no cache helps. The
figure that counts is the sum over all streams, from the first request to the last token.
"""

from __future__ import annotations

import asyncio
import json
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from runtime.models.smollm2 import default_folder, fetch

STREAMS = (1, 4, 8)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    streams: int
    tokens: int
    seconds: float
    tokens_per_s: float
    first_token_p50_ms: float
    first_token_max_ms: float
    inter_token_p50_ms: float


async def one_stream(session: aiohttp.ClientSession, number: int, tokens: int) -> list[float]:
    """The times of the pieces, from the request on."""
    text = f"Tell story number {number}: a miller, a river and a fox with {number + 3} friends."
    body = {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": tokens,
        "ignore_eos": True,
        "stream": True,
        "cache_prompt": False,
        "seed": number,
    }
    started = time.perf_counter()
    times: list[float] = []
    async with session.post("http://runm/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            if line.startswith(b"data: {"):
                delta = json.loads(line[6:])["choices"][0]["delta"]
                if delta.get("content"):
                    times.append(time.perf_counter() - started)
    return times


async def measure(socket: Path, streams: int, tokens: int) -> Row:
    connector = aiohttp.UnixConnector(str(socket), limit=0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        started = time.perf_counter()
        runs = await asyncio.gather(*(one_stream(session, number, tokens) for number in range(streams)))
        seconds = time.perf_counter() - started
    first = [times[0] * 1000 for times in runs]
    gaps = [(later - sooner) * 1000 for times in runs for sooner, later in pairwise(times)]
    return Row(
        streams, streams * tokens, round(seconds, 2), round(streams * tokens / seconds, 1),
        round(statistics.median(first), 1), round(max(first), 1), round(statistics.median(gaps), 1),
    )  # fmt: skip


async def run(model: Path, engine: str, tokens: int, threads: int | None, program: str | None) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="runm-bench-") as folder:
        socket = Path(folder) / "r.sock"
        command = [sys.executable, "-m", "runtime.runm", "serve", "--model", str(model), "--engine", engine]
        command += ["--listen", f"unix:{socket}", "--parallel", str(max(STREAMS)), "--context", "1024"]
        command += ["--threads", str(threads)] if threads else []
        command += ["--llama-server", program] if program else []
        server = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        assert server.stderr is not None
        try:
            while (line := await server.stderr.readline()) != b"ready\n":
                if not line:
                    raise click.ClickException("runm did not start")
            await measure(socket, 1, 4)  # warm up
            return [await measure(socket, streams, tokens) for streams in STREAMS]
        finally:
            if server.returncode is None:
                server.terminate()
            await server.wait()


@click.command()
@click.option("--model", type=click.Path(path_type=Path, exists=True), help="Default: SmolLM2, fetched once.")
@click.option("--engine", default="xllamacpp", show_default=True)
@click.option("--llama-server", "program", help="Upstream's program, for --engine llama-server.")
@click.option("--tokens", default=64, show_default=True, help="Tokens per stream.")
@click.option("--threads", type=int, help="CPU threads; default as runm's.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures here.")
def main(
    model: Path | None,
    engine: str,
    program: str | None,
    tokens: int,
    threads: int | None,
    json_path: Path | None,
) -> None:
    """Measure `runm serve`."""
    model = model or fetch(default_folder())
    rows = asyncio.run(run(model, engine, tokens, threads, program))
    table = Table(title=f"runm serve, {engine}, {model.name}, {platform.system()} {platform.machine()}")
    for heading in (
        "streams",
        "tokens/s",
        "first token p50 ms",
        "first token max ms",
        "between tokens p50 ms",
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row.streams), f"{row.tokens_per_s}", f"{row.first_token_p50_ms}", f"{row.first_token_max_ms}",
            f"{row.inter_token_p50_ms}",
        )  # fmt: skip
    Console().print(table)
    if json_path is not None:
        json_path.write_text(
            json.dumps({"engine": engine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
