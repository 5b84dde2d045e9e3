"""The command line of `llm-snapshotter`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click
import grpc

from bronzewillow.host.command import CommandError, log_level_option, log_to_stderr
from bronzewillow.host.notify import tell_ready
from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import prepare_socket_folder, runtime_folder, state_folder
from runtime.api.snapshots_pb2_grpc import add_SnapshotsServicer_to_server
from runtime.containerd.adopt import Adopted, adopt
from runtime.containerd.client import containerd_at
from runtime.containerd.errors import status_of
from runtime.containerd.snapshots_service import SnapshotsService
from runtime.refusal import Refusal
from runtime.refusing import Refusing
from runtime.snapshots import Snapshotter

_path = FilePath()
_GRACE_S = 2.0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bronzewillow", message="%(prog)s %(version)s")
def command() -> None:
    """Let a stock containerd serve models: its snapshotter, and images that it can use."""


@command.command()
@click.option(
    "--socket", type=_path, default=lambda: runtime_folder() / "snapshotter.sock",
    show_default="snapshotter.sock in the user's runtime folder",
    help="The socket that containerd's proxy plugin connects to.",
)  # fmt: skip
@click.option(
    "--root", type=_path, default=lambda: state_folder() / "snapshotter",
    show_default="snapshotter in the user's state folder",
    help="The folder for snapshots, best on the file system of containerd's content.",
)  # fmt: skip
@log_level_option()
def serve(socket: Path, root: Path, log_level: str) -> None:
    """Serve containerd's snapshots interface on a unix socket, until SIGTERM."""
    log_to_stderr(log_level)
    try:
        asyncio.run(_serve(socket.absolute(), root.absolute()))
    except (Refusal, ValueError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or socket}: {error.strerror or error}") from None


@command.command("adopt")
@click.option(
    "--address", type=_path, default=Path("/run/containerd/containerd.sock"), show_default=True,
    help="containerd's socket.",
)  # fmt: skip
@click.option("--namespace", "-n", default="default", show_default=True, help="containerd's namespace.")
@click.option(
    "--snapshotter",
    default="llm",
    show_default=True,
    help="The name of our snapshotter in containerd's configuration.",
)
@click.option(
    "--content", type=_path, default=Path("/var/lib/containerd/io.containerd.content.v1.content"),
    show_default=True, help="containerd's content store, from which files are linked.",
)  # fmt: skip
@click.argument("image")
def adopt_image(address: Path, namespace: str, snapshotter: str, content: Path, image: str) -> None:
    """Make IMAGE, which `ctr content fetch` has brought, one that `ctr run --snapshotter llm` serves."""

    async def main() -> Adopted:
        async with containerd_at(address, namespace) as containerd:
            return await adopt(containerd, image, snapshotter, content / "blobs")

    try:
        done = asyncio.run(main())
    except Refusal as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or image}: {error.strerror or error}") from None
    for warning in done.warnings:
        click.echo(f"llm-snapshotter: {image}: {warning}", err=True)
    click.echo(f"{image}@{done.digest}: {done.layers} layers")


async def _serve(socket: Path, root: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    prepare_socket_folder(socket)
    server = grpc.aio.server(interceptors=[Refusing(status_of)])
    add_SnapshotsServicer_to_server(SnapshotsService(Snapshotter(root)), server)
    socket.unlink(missing_ok=True)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    socket.chmod(0o600)
    tell_ready()
    try:
        await stop.wait()
    finally:
        await server.stop(_GRACE_S)
        socket.unlink(missing_ok=True)
