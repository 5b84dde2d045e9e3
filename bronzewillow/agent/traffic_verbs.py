"""The commands that show traffic: `flows`, `capture`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import aiohttp
import click

from bronzewillow.agent.asking import ask, control_option, get_json, json_option
from bronzewillow.agent.report import flow_lines
from bronzewillow.host.command import CommandError
from bronzewillow.host.options import FilePath, Seconds
from bronzewillow.host.paths import open_private

_STDOUT = Path("-")
_PCAP_HEADER_BYTES = 24
_PCAP_RECORD_BYTES = 16


@click.command()
@control_option
@json_option
def flows(control: Path, as_json: bool) -> None:
    """Show every connection of every pod."""
    answer = asyncio.run(get_json(control, "/flows"))
    click.echo(json.dumps(answer) if as_json else "\n".join(flow_lines(answer)))


@click.command(short_help="Write the overlay's datagrams to a pcap file.")
@control_option
@click.option(
    "-w", "file", type=FilePath(), required=True, help="The pcap file to write; - for standard output."
)
@click.option("--count", type=click.IntRange(min=1), help="End after so many frames.")
@click.option("--duration", type=Seconds(min=0), help="End after so many seconds.")
def capture(control: Path, file: Path, count: int | None, duration: float | None) -> None:
    """Write the overlay's datagrams to a pcap file, until Ctrl-C or a limit.

    What stays on this machine, as with `bronzewillow forward`, does not cross the overlay: see `flows`.
    """
    try:
        frames = asyncio.run(_capture(control, file, count, duration))
    except OSError as error:
        if file == _STDOUT:
            raise
        raise CommandError(f"{file}: {error.strerror}") from None
    none = "" if frames else "; what stays on this machine does not cross the overlay: bronzewillow flows"
    where = "standard output" if file == _STDOUT else file
    click.echo(f"{frames} frames in {where}{none}", err=True)


@contextmanager
def _open(file: Path) -> Iterator[BinaryIO]:
    """For its owner alone: it holds what people asked and were answered."""
    if file == _STDOUT:
        yield sys.stdout.buffer
        return
    with open_private(file) as output:
        yield output


async def _capture(control: Path, file: Path, count: int | None, duration: float | None) -> int:
    us = asyncio.current_task()
    assert us is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, us.cancel)
    frames = 0
    try:
        async with asyncio.timeout(duration) as limit, ask(control, "/capture") as response:
            with _open(file) as output:
                output.write(await response.content.readexactly(_PCAP_HEADER_BYTES))
                while count is None or frames < count:
                    header = await response.content.readexactly(_PCAP_RECORD_BYTES)
                    size = int.from_bytes(header[8:12], "little")
                    output.write(header + await response.content.readexactly(size))
                    output.flush()  # it may be read meanwhile
                    frames += 1
    except asyncio.CancelledError:
        us.uncancel()
    except TimeoutError:
        if not limit.expired():
            raise
    except (asyncio.IncompleteReadError, aiohttp.ClientError):
        raise CommandError(f"{control}: the agent has ended") from None
    return frames
