"""The command line of `llm-static-pods`."""

from __future__ import annotations

import asyncio
import logging
import platform
import re
import signal
from pathlib import Path

import click
import grpc

from bronzewillow.host.command import CommandError, log_level_option, log_to_stderr
from bronzewillow.host.notify import tell_ready
from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import runtime_folder, state_folder
from bronzewillow.host.tasks import spawn
from kubelet.static.cri import Cri
from kubelet.static.end_all import end_all
from kubelet.static.folder import Folder
from kubelet.static.runner import Runner

_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NODE_NAME = 63
_path = FilePath()
_log = logging.getLogger(__name__)


def default_node_name() -> str:
    """The host's, without its domain, which a Mac takes from whatever network it is in."""
    first = platform.node().partition(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", first).strip("-")[:_LONGEST_NODE_NAME] or "node"


def _node_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not _NODE_NAME.fullmatch(value) or len(value) > _LONGEST_NODE_NAME:
        raise click.BadParameter(f"{value!r}: write lower-case letters, digits and '-'")
    return value


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bronzewillow", message="%(prog)s %(version)s")
@click.option("--manifests", type=_path, metavar="DIR", help="The folder of Pods, in YAML or JSON.")
@click.option("--end-all", "is_end", is_flag=True, help="End all pods of the runtime, and exit.")
@click.option(
    "--cri", type=_path, default=lambda: runtime_folder() / "cri.sock",
    show_default="cri.sock in the user's runtime folder", help="The socket of the container runtime.",
)  # fmt: skip
@click.option(
    "--logs", type=_path, default=lambda: state_folder() / "pods",
    show_default="pods in the user's state folder", help="The folder for containers' logs.",
)  # fmt: skip
@click.option(
    "--node-name", default=default_node_name, callback=_node_name, show_default="the host name",
    help="Ends the name of each pod.",
)  # fmt: skip
@log_level_option()
def command(
    manifests: Path | None, is_end: bool, cri: Path, logs: Path, node_name: str, log_level: str
) -> None:
    """Run the Pods whose manifests are in a folder, through the Container Runtime Interface."""
    if (manifests is None) != is_end:
        raise click.UsageError("say either --manifests DIR or --end-all")
    log_to_stderr(log_level)
    if manifests is None:
        _end(cri, logs)
        return
    if not manifests.is_dir():
        raise CommandError(f"{manifests}: is no folder; make it, or name another with --manifests")
    asyncio.run(_run(Folder(manifests.absolute(), node_name), cri, logs.absolute()))


def _end(cri: Path, logs: Path) -> None:
    async def main() -> int:
        async with Cri(cri.absolute(), logs.absolute()) as runtime:
            return await end_all(runtime)

    try:
        click.echo(f"pods that have ended: {asyncio.run(main())}")
    except grpc.aio.AioRpcError as error:
        raise CommandError(f"{cri}: {error.details()}") from None


async def _run(folder: Folder, socket: Path, logs: Path) -> None:
    async with Cri(socket.absolute(), logs) as cri:
        runner = Runner(folder, cri)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        loop.add_signal_handler(signal.SIGHUP, runner.reread)
        runner.read_folder()
        running = spawn(runner.run(), name="static pods")
        running.add_done_callback(lambda _: ended.set())
        tell_ready()
        await ended.wait()
        running.cancel()
        await asyncio.wait([running])
