"""What the verbs of images have in common on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bronzewillow.host.options import FilePath
from bronzewillow.host.paths import config_folder, images_folder
from runtime.images.errors import ImageError
from runtime.images.reference import Reference, parse_reference

if TYPE_CHECKING:
    from runtime.registry.client import ClientConfig

_F = TypeVar("_F", bound=Callable[..., Any])

store_option = click.option(
    "--store", "root", type=FilePath(), default=images_folder,
    envvar="RUNM_STORE", show_default="in the user's state folder", help="Where images are kept.",
)  # fmt: skip
format_option = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="For people, or for programs.",
)  # fmt: skip


def checked_registry(text: str) -> str:
    """`text`, if it is a registry as it stands in names. click.BadParameter."""
    try:
        if parse_reference(f"{text}/a/b").registry == text:
            return text
    except ImageError:
        pass
    raise click.BadParameter(f"{text[:200]!r} is no registry, such as registry.example:5000")


def _registries(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(checked_registry, texts))


def registry_options(command: _F) -> _F:
    """`--insecure` and `--hosts`, as `client_config` takes them."""
    insecure = click.option(
        "--insecure", multiple=True, envvar="RUNM_INSECURE", metavar="REGISTRY", callback=_registries,
        help="A registry that speaks plain HTTP, as it stands in names; may be repeated.",
    )  # fmt: skip
    hosts = click.option(
        "--hosts", "hosts_folder", envvar="RUNM_HOSTS",
        type=FilePath(), default=lambda: config_folder() / "certs.d",
        show_default="certs.d in the user's configuration",
        help="A folder with REGISTRY/hosts.toml, for mirrors and certificates.",
    )  # fmt: skip
    return insecure(hosts(command))


def client_config(insecure: Sequence[str], hosts: Path) -> ClientConfig:
    """The client's configuration that the options say."""
    from runtime.registry.client import (
        ClientConfig,  # a container's process, which has no registry, does without
    )

    return ClientConfig(hosts, tuple(insecure), tell=_tell)


def _tell(text: str) -> None:
    """A line between the bars of a transfer, which click would write across."""
    print(f"runm: {text}", file=sys.stderr, flush=True)  # noqa: T201


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they must be, three spaces between them."""
    listed = [tuple(row) for row in rows]
    widths = [max(len(row[column]) for row in listed) for column in range(len(listed[0]))]
    for row in listed:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_json(value: object) -> None:
    """Print `value` as programs read it, indented."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def named(reference: Reference, digest: str) -> dict[str, Any]:
    """An image, for programs."""
    return {"name": reference.familiar_with_tag, "digest": digest}


def printable(text: str) -> str:
    """Without what would steer a terminal: texts of images are strangers'."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def size_in_words(size: int) -> str:
    """Such as `98 MB`; thousands, as Ollama and Docker count."""
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def ago(then: datetime) -> str:
    """Such as `2 hours ago`."""
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
