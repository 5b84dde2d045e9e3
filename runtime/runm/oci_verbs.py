"""`runm create|start|state|kill|delete|list|events`: the OCI runtime on the command line, as runc has it."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import psutil

from bronzewillow.host.options import FilePath, Seconds
from bronzewillow.host.paths import runtime_folder
from runtime.oci import lifecycle
from runtime.oci.state import ContainerFolder, State, Status
from runtime.runm.image_options import ago, print_table, printable

_ID_DIGITS = 12
_LONG_ID = re.compile(r"[0-9a-f]{64}")
_ID_BEGIN = re.compile(r"[0-9a-f]{4,63}")
_F = TypeVar("_F", bound=Callable[..., Any])


def _default_root() -> Path:
    return runtime_folder() / "runm"


root_option = click.option(
    "--root", "containers", type=FilePath(), default=_default_root, envvar="RUNM_ROOT",
    show_default="in the user's runtime folder", help="Where containers are kept.",
)  # fmt: skip
id_argument = click.argument("container_id", metavar="ID")


def _signal(context: click.Context, parameter: click.Parameter, value: str) -> int:
    name = value.upper()
    try:
        if name.isdecimal():
            return signal.Signals(int(name)).value
        return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"].value
    except (KeyError, ValueError):
        raise click.BadParameter(f"{value!r} is no signal, such as TERM or 15") from None


def create_container(root: Path, bundle: Path, pid_file: Path | None, container_id: str) -> None:
    """Make a container of a bundle; it waits for `start`. RuntimeRefusal, OSError."""
    process = lifecycle.create(root, container_id, bundle)
    if pid_file is not None:
        pid_file.write_text(str(process.pid))
    process.returncode = 0  # it outlives us; nobody here waits for it


@click.command("start")
@root_option
@id_argument
def start(containers: Path, container_id: str) -> None:
    """Let a created container serve."""
    lifecycle.start(containers, _whole(containers, container_id))


@click.command("state")
@root_option
@id_argument
def state(containers: Path, container_id: str) -> None:
    """Print a container's state as JSON."""
    click.echo(json.dumps(lifecycle.state(containers, _whole(containers, container_id)).to_json(), indent=2))


@click.command("kill")
@root_option
@id_argument
@click.argument("number", metavar="[SIGNAL]", default="TERM", callback=_signal)
def kill(containers: Path, container_id: str, number: int) -> None:
    """Send a signal, TERM by default."""
    lifecycle.kill(containers, _whole(containers, container_id), number)


@click.command("delete")
@root_option
@click.option("--force", "-f", is_flag=True, help="End it first.")
@id_argument
def delete(containers: Path, container_id: str, force: bool) -> None:
    """Forget a stopped container."""
    lifecycle.delete(containers, _whole(containers, container_id), force=force)


@click.command("ps")
@root_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="For people, or for programs.",
)  # fmt: skip
def list_containers(containers: Path, form: str) -> None:
    """Show all containers."""
    states = lifecycle.states(containers)
    if form == "json":
        click.echo(json.dumps([one.to_json() | {"created": one.created} for one in states]))
        return
    print_table([("ID", "POD", "CONTAINER", "MODEL", "STATUS", "PID", "CREATED"), *map(_row, states)])


@click.command("events")
@root_option
@click.option("--stats", is_flag=True, help="Print once and end.")
@click.option("--interval", type=Seconds(min=0.1), default=5.0, show_default=True, help="Seconds.")
@id_argument
def events(containers: Path, stats: bool, interval: float, container_id: str) -> None:
    """Print what a container uses, a JSON object a line, until it ends."""
    pause = threading.Event()  # that never comes
    while True:
        found = lifecycle.state(containers, _whole(containers, container_id))
        usage = _usage(found)
        if usage is None:
            if stats:
                raise click.ClickException(f"container {container_id!r} is {found.status}, not running")
            return
        click.echo(json.dumps({"type": "stats", "id": container_id, "data": usage}))
        if stats:
            return
        sys.stdout.flush()
        pause.wait(interval)


def _row(found: State) -> tuple[str, ...]:
    """Names as llm-containerd has written them; one that was made by hand has none."""
    namespace, pod, container, image = (
        printable(found.annotations.get(f"io.kubernetes.cri.{name}", ""))
        for name in ("sandbox-namespace", "sandbox-name", "container-name", "image-name")
    )
    name = found.id[:_ID_DIGITS] if _LONG_ID.fullmatch(found.id) else found.id
    where = f"{namespace}/{pod}" if pod else ""
    cells = (name, where, container, image, found.status.value, str(found.pid or ""), _age(found.created))
    return tuple(cell or "-" for cell in cells)


def _age(created: str) -> str:
    try:
        return ago(datetime.fromisoformat(created))
    except (ValueError, TypeError):  # it is being made; or its record is spoilt
        return ""


def _whole(containers: Path, text: str) -> str:
    """The id that begins with `text`, of those that llm-containerd gives and `ps` cuts; else `text`."""
    if not _ID_BEGIN.fullmatch(text) or (containers / text).is_dir():
        return text
    ids = [one.id for one in ContainerFolder.all(containers) if _LONG_ID.fullmatch(one.id)]
    found = [one for one in ids if one.startswith(text)]
    return found[0] if len(found) == 1 else text


def _usage(found: State) -> dict[str, Any] | None:
    """In runc's shape: nanoseconds of CPU, bytes of memory."""
    if found.status is not Status.RUNNING or not found.pid:
        return None
    try:
        process = psutil.Process(found.pid)
        with process.oneshot():
            cpu, memory = process.cpu_times(), process.memory_info()
    except psutil.NoSuchProcess:
        return None
    return {
        "cpu": {"usage": {"total": int((cpu.user + cpu.system) * 1e9)}},
        "memory": {"usage": {"usage": memory.rss}},
        "pids": {"current": process.num_threads()},
    }
