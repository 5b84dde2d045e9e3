"""`runm list|show|inspect|tag|rm|save|load|verify|prune`: the images that are here."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.imagestore.archive import load, opened, save
from runtime.imagestore.errors import ArchiveError
from runtime.runm.image_facts import image_facts
from runtime.runm.image_options import (
    format_option,
    print_json,
    print_table,
    printable,
    size_in_words,
    store_option,
)

image_argument = click.argument("image")
_MOST_LINES = 12
"""Of each text, where all of them are shown."""


@click.command("list")
@store_option
@format_option
def list_images(root: Path, form: str) -> None:
    """Show all images."""
    images = list(ImageStore(root).images())
    if form == "json":
        print_json([_to_json(image) for image in images])
        return
    rows = [
        (one.reference.familiar_with_tag, one.id, size_in_words(one.size_bytes), _ago(one.modified))
        for one in images
    ]
    print_table([("NAME", "ID", "SIZE", "MODIFIED"), *rows])


@click.command("show")
@store_option
@format_option
@click.option("--modelfile", is_flag=True, help="Only a Modelfile that makes it again.")
@click.option("--parameters", is_flag=True, help="Only the parameters.")
@click.option("--template", is_flag=True, help="Only the template.")
@click.option("--system", is_flag=True, help="Only the system message.")
@click.option("--license", is_flag=True, help="Only the licences.")
@image_argument
def show(root: Path, form: str, image: str, **only: bool) -> None:
    """Show what an image says of its model."""
    chosen = [name for name, is_wanted in only.items() if is_wanted]
    if len(chosen) > 1:
        raise click.UsageError(f"say one of {' and '.join(f'--{name}' for name in chosen)}")
    store = ImageStore(root)
    found = store.get(image)
    facts = image_facts(store, found)
    if form == "json":
        print_json(_to_json(found) | facts.to_json())
    elif chosen:
        click.echo(printable(f"{text}\n" if (text := facts.text(chosen[0]).rstrip("\n")) else ""), nl=False)
    else:
        model = {**facts.model, "size": size_in_words(found.size_bytes), "id": found.id}
        print_table([(f"  {name}", printable(str(value))) for name, value in model.items() if value])
        for name in ("parameters", "template", "system", "messages", "license"):
            if text := facts.text(name):
                click.echo(f"\n{name}")
                click.echo("\n".join(f"  {line}" for line in printable(text).splitlines()[:_MOST_LINES]))
    for warning in facts.warnings:
        click.echo(f"runm: {printable(warning)}", err=True)


@click.command("inspect")
@store_option
@click.option("--format", type=click.Choice(["json"]), default="json", expose_value=False)
@image_argument
def inspect(root: Path, image: str) -> None:
    """Print manifest and configuration as JSON."""
    store = ImageStore(root)
    found = store.get(image)
    config = store.model_image(found).config
    print_json(
        _to_json(found)
        | {
            "mediaType": found.manifest.media_type,
            "config": found.manifest.config.to_json(),
            "layers": [layer.to_json() for layer in found.manifest.layers],
            "model": {
                name: getattr(config, name) for name in ("format", "family", "parameters", "quantization")
            },
        }
    )


@click.command("tag")
@store_option
@image_argument
@click.argument("name")
def tag(root: Path, image: str, name: str) -> None:
    """Give an image a second name."""
    store = ImageStore(root)
    store.name(parse_reference(name), store.get(image).descriptor)


@click.command("rm")
@store_option
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
def remove(root: Path, images: tuple[str, ...]) -> None:
    """Remove images, and what only they needed."""
    store = ImageStore(root)
    for found in [store.get(one) for one in images]:
        removed = store.remove(found)
        freed = size_in_words(removed.size_bytes)
        kept = "" if removed.blobs else "; another name needs its blobs"
        click.echo(f"removed {found.reference.familiar}, freed {freed}{kept}")


@click.command("save")
@store_option
@click.option("--output", "-o", default="-", show_default="standard output", help="The file to write.")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
def save_images(root: Path, output: str, images: tuple[str, ...]) -> None:
    """Write images to a tar archive, as an OCI image layout."""
    store = ImageStore(root)
    found = [store.get(one) for one in images]
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("an archive is nothing for a terminal; say --output FILE")
    try:
        with opened(output, "wb", sys.stdout.buffer) as file:
            save(store, found, file)
    except OSError as error:
        raise ArchiveError(f"{output}: {error.strerror}") from None


@click.command("load")
@store_option
@click.option("--input", "-i", "source", default="-", show_default="standard input", help="The file to read.")
@click.option(
    "--name", callback=lambda _, __, text: text and parse_reference(text), help="For one without a name."
)
def load_images(root: Path, source: str, name: Any) -> None:
    """Read images from a tar archive: an OCI image layout."""
    try:
        with opened(source, "rb", sys.stdin.buffer) as file:
            for image in load(ImageStore(root), file, name):
                click.echo(f"loaded {image.reference.familiar}")
    except ArchiveError as error:
        text = str(error)
        where = "standard input" if source == "-" else source
        raise ArchiveError(text if text.startswith(where) else f"{where}: {text}") from None


@click.command("verify")
@store_option
def verify(root: Path) -> None:
    """Read all blobs; put corrupt ones aside."""
    store = ImageStore(root)
    problems = store.content.verify()
    for problem in problems:
        click.echo(f"runm: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)
    count = len(list(store.images()))
    click.echo(f"{count} image{'' if count == 1 else 's'}, all blobs as their digests say")


@click.command("prune")
@store_option
@click.option(
    "--grace", "grace_s", type=click.FloatRange(min=0), default=3600.0, show_default=True, metavar="SECONDS",
    help="Keep what was written since.",
)  # fmt: skip
def prune(root: Path, grace_s: float) -> None:
    """Remove what no image needs, such as the rest of a broken pull."""
    removed = ImageStore(root).prune(grace_s)
    click.echo(f"removed {removed.blobs} blobs, freed {size_in_words(removed.size_bytes)}")


def _to_json(image: StoredImage) -> dict[str, Any]:
    return {
        "name": image.reference.familiar_with_tag,
        "digest": image.descriptor.digest,
        "size": image.size_bytes,
        "modified": image.modified.isoformat(timespec="seconds"),
    }


def _ago(then: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
