"""`bronzewillow demo`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bronzewillow.demo.children import Child
from bronzewillow.demo.cluster_side import ClusterSide
from bronzewillow.demo.errors import DemoError
from bronzewillow.demo.layout import POD_ADDRESS, POD_PORT, free_udp_ports, node_toml
from bronzewillow.demo.model import fetch_model, make_image
from bronzewillow.demo.question import Answer, ask
from bronzewillow.host.command import CommandError
from bronzewillow.host.options import FilePath

_PROMPT = "In two sentences: what is Kubernetes, and what is it used for?"
_READY_S = 60.0
_URL = f"http://{POD_ADDRESS}:{POD_PORT}"


def _own_pcap() -> Path:
    """Where each user has one: what another has captured is theirs, and may not be written."""
    return Path(tempfile.gettempdir()) / f"bronzewillow-demo-{os.getuid()}.pcap"


@click.command(short_help="Ask a real model on a pod IP: no cluster, no root.")
@click.option("--prompt", default=_PROMPT, show_default=True, help="What to ask the model.")
@click.option("--json", "as_json", is_flag=True, help="The last line of the output is one JSON object.")
@click.option(
    "--keep", is_flag=True, help="Leave it running until Ctrl-C, and print the curl line that reaches it."
)
@click.option(
    "--model",
    type=FilePath(exists=True, dir_okay=False),
    help="A GGUF file in the place of the demo's model.",
)
@click.option(
    "--registry",
    default="",
    metavar="HOST[/PATH]",
    help="Push the model's image there, and pull it from there.",
)
@click.option("--insecure", is_flag=True, help="The registry speaks plain HTTP.")
@click.option(
    "--pcap",
    type=FilePath(dir_okay=False),
    default=_own_pcap,
    show_default="bronzewillow-demo-UID.pcap in the folder for temporary files",
    help="The file that the packets are captured to.",
)
def demo(
    prompt: str, as_json: bool, keep: bool, model: Path | None, registry: str, insecure: bool, pcap: Path
) -> None:
    """Ask a real model on a pod IP, over VXLAN, on this machine: no cluster, no root."""
    if model is not None and registry:
        raise click.UsageError("--registry is for the demo's own model, not for --model")
    console = Console(stderr=True, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="bw-"))  # mode 0700, and short: macOS allows 103 bytes for a socket
    try:
        with _ended_in_order():
            asyncio.run(_demo(console, folder, prompt, as_json, keep, model, registry, insecure, pcap))
    except DemoError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(f"{error.filename}: {reason}" if error.filename else reason) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A signal that asks us to end gives the demo the time to end its processes; they would outlive it."""

    def end(number: int, frame: object) -> NoReturn:
        sys.exit(128 + number)

    numbers = [signal.SIGTERM, signal.SIGHUP]  # SIGINT is asyncio.run's, and that of `leave_running`
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _demo(
    console: Console,
    folder: Path,
    prompt: str,
    as_json: bool,
    keep: bool,
    model: Path | None,
    registry: str,
    insecure: bool,
    pcap: Path,
) -> None:
    if model is None:
        image = await make_image(await fetch_model(), registry, insecure, partial(_tell, console, "image"))
        shown, serve = image, [image]
    else:
        shown, serve = model.name, ["--model", str(model)]
    _tell(console, "model node", f"runm serves {shown}; the agent gives it {POD_ADDRESS}:{POD_PORT}")
    children: list[Child] = []
    try:
        node_port, cluster_port = free_udp_ports()
        config = folder / "node.toml"
        config.write_text(node_toml(node_port, cluster_port, folder / "model.sock"))
        children.append(
            await Child.start(
                "runm",
                "runtime.runm",
                ["serve", *serve, "--listen", f"unix:{folder / 'model.sock'}"],
                folder / "runm.log",
            )
        )
        children.append(
            await Child.start(
                "the agent",
                "bronzewillow",
                ["agent", "--config", str(config), "--control", str(folder / "agent.sock")],
                folder / "agent.log",
            )
        )
        for child in children:
            await child.wait_ready(_READY_S)
        side = ClusterSide(cluster_port, node_port, pcap)
        try:
            _tell(console, "cluster side", f"a peer at 127.0.0.1:{cluster_port} asks, over VXLAN in UDP\n")
            answer = await _ask(side, prompt, as_json)
            side.flush()
            _report(console, side, answer, pcap, as_json)
            if keep:
                await leave_running(console, side, folder)
        finally:
            side.close()
    finally:
        await asyncio.gather(*(child.end() for child in children))


def _tell(console: Console, who: str, what: str) -> None:
    """A line, as long as it is: names of files are in it."""
    console.print(f"[bold]{who:<14}[/]{escape(what)}", soft_wrap=True)


async def _ask(side: ClusterSide, prompt: str, as_json: bool) -> Answer:
    def show(piece: str) -> None:
        click.echo(piece, nl=False, err=as_json)

    click.echo(f"> {prompt}\n", err=as_json)
    answer = await ask(side.connector(), _URL, prompt, show)
    click.echo("\n", err=as_json)
    return answer


def _report(console: Console, side: ClusterSide, answer: Answer, pcap: Path, as_json: bool) -> None:
    vtep = side.net.node.underlays[0].vtep
    if as_json:
        click.echo(
            json.dumps(
                {
                    "model": answer.model,
                    "text": answer.text,
                    "ttft_ms": round(answer.ttft_ms, 1),
                    "tokens": answer.tokens,
                    "tokens_per_s": round(answer.tokens_per_s, 1),
                    "datagrams_in": vtep.datagrams_in,
                    "datagrams_out": vtep.datagrams_out,
                    "pcap": str(pcap),
                }
            )
        )
        return
    table = Table(show_header=False, box=None)
    for name, value in (
        ("time to first token", f"{answer.ttft_ms:.0f} ms"),
        ("tokens", f"{answer.tokens}, {answer.tokens_per_s:.1f} a second"),
        ("datagrams to the model node", f"{vtep.datagrams_out}, {vtep.bytes_out} bytes"),
        ("datagrams from it", f"{vtep.datagrams_in}, {vtep.bytes_in} bytes"),
        ("retransmitted segments", str(side.retransmits)),
        ("capture", str(pcap)),
    ):
        table.add_row(name, value)
    console.print(table)


async def leave_running(console: Console, side: ClusterSide, folder: Path) -> None:
    """Until Ctrl-C, which is the regular end from here on."""
    is_ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, is_ended.set)
    port = await side.forward()
    click.echo(
        f"curl -N http://127.0.0.1:{port}/v1/chat/completions -H 'Content-Type: application/json' "
        """-d '{"stream": true, "messages": [{"role": "user", "content": "Hello!"}]}'"""
    )
    control = escape(str(folder / "agent.sock"))
    console.print(f"bronzewillow status --control {control}\nCtrl-C ends it.", soft_wrap=True)
    await is_ended.wait()
