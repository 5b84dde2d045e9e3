"""`llm-kubelet logs`, which `bronzewillow logs` executes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click

from bronzewillow.host.command import CommandError
from bronzewillow.host.logs_options import logs_words
from bronzewillow.host.options import FilePath, duration_ns
from bronzewillow.host.paths import runtime_folder
from kubelet.logs.choice import choose_pod, choose_run, full_name
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.refusal import Refusal
from kubelet.server.log_options import InvalidOption, LogOptions, parse_time_ns
from kubelet.server.log_reading import read_log
from runtime.api import cri_pb2 as api


@click.command(params=logs_words(), short_help="Print what a container has written.")
@click.option(
    "--cri", type=FilePath(), default=lambda: runtime_folder() / "cri.sock",
    show_default="cri.sock in the user's runtime folder", help="The container runtime's socket.",
)  # fmt: skip
def logs(
    pod: str, container: str | None, namespace: str | None, follow: bool, previous: bool, tail: int,
    since: str | None, since_time: str | None, timestamps: bool, limit_bytes: int | None, cri: Path,
) -> None:  # fmt: skip
    """Print what a container of POD has written, as `kubectl logs`, from the runtime of this machine.

    POD is its name or the beginning of it, with or without NAMESPACE/.
    """
    options = LogOptions(
        follow, previous, timestamps, _since_ns(since, since_time), None if tail < 0 else tail, limit_bytes
    )
    try:
        asyncio.run(_print_log(cri, pod, namespace, container, options))
    except Refusal as error:
        raise CommandError(str(error)) from None
    except RuntimeRefusal as error:
        why = "no container runtime answers here: bronzewillow up starts a node with one"
        raise CommandError(f"{cri}: {why if error.is_down else error}") from None


async def _print_log(
    cri: Path, wanted: str, namespace: str | None, container: str | None, options: LogOptions
) -> None:
    runtime = RuntimeClient(cri)
    try:
        sandboxes, containers = await asyncio.gather(runtime.sandboxes(), runtime.containers())
        pod = choose_pod(wanted, namespace, sandboxes)
        run = choose_run(pod, container, sandboxes, containers, is_previous=options.previous)
        path = Path((await runtime.container_status(run.id)).log_path)
        if not path.is_absolute():
            raise CommandError(f"{full_name(pod)}: container {run.metadata.name} was made without a log")

        async def is_running() -> bool:
            try:
                status = await runtime.container_status(run.id)
            except RuntimeRefusal as refusal:
                # one that starts again says nothing of its containers; a node that ends takes their logs away
                return refusal.is_down and path.exists()
            return bool(status.state == api.CONTAINER_RUNNING)

        async for data in read_log(path, options, is_running):
            click.echo(data, nl=False)
    except FileNotFoundError as error:
        raise CommandError(f"{error.filename}: the log is gone, with its container") from None
    finally:
        await runtime.close()


def _since_ns(since: str | None, since_time: str | None) -> int:
    """Since 1970. click.UsageError."""
    if since is not None and since_time is not None:
        raise click.UsageError("say --since or --since-time, not both")
    if since is not None:
        ago_ns = duration_ns(since)
        return time.time_ns() - ago_ns if ago_ns else 0
    try:
        return parse_time_ns(since_time) if since_time is not None else 0
    except InvalidOption as error:
        raise click.UsageError(f"--since-time: {str(error).removeprefix('sinceTime: ')}") from None
