"""`runm save|load|verify|prune`: images as a file, and the store as a whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bronzewillow.host.options import Seconds
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore
from runtime.imagestore.archive import load, opened, save
from runtime.imagestore.errors import ArchiveError
from runtime.runm.image_options import format_option, named, print_json, size_in_words, store_option


@click.command("save")
@store_option
@format_option
@click.option("--output", "-o", default="-", show_default="standard output", help="The file to write.")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
def save_images(root: Path, form: str, output: str, images: tuple[str, ...]) -> None:
    """Write images to a tar archive, as an OCI image layout."""
    store = ImageStore(root)
    found = [store.get(one) for one in images]
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("an archive is nothing for a terminal; say --output FILE")
    if output == "-" and form == "json":
        raise click.UsageError("the archive goes to standard output; say --output FILE to have JSON there")
    try:
        with opened(output, "wb", sys.stdout.buffer) as file:
            save(store, found, file)
    except OSError as error:
        raise ArchiveError(f"{output}: {error.strerror}") from None
    if form == "json":
        print_json([named(image.reference, image.descriptor.digest) for image in found])


@click.command("load")
@store_option
@format_option
@click.option("--input", "-i", "source", default="-", show_default="standard input", help="The file to read.")
@click.option(
    "--name", callback=lambda _, __, text: text and parse_reference(text), help="For one without a name."
)
def load_images(root: Path, form: str, source: str, name: Any) -> None:
    """Read images from a tar archive: an OCI image layout."""
    try:
        with opened(source, "rb", sys.stdin.buffer) as file:
            loaded = load(ImageStore(root), file, name)
    except ArchiveError as error:
        text = str(error)
        where = "standard input" if source == "-" else source
        raise ArchiveError(text if text.startswith(where) else f"{where}: {text}") from None
    if form == "json":
        print_json([named(image.reference, image.descriptor.digest) for image in loaded])
        return
    for image in loaded:
        click.echo(f"loaded {image.reference.familiar}")


@click.command("verify")
@store_option
@format_option
def verify(root: Path, form: str) -> None:
    """Read all blobs; put corrupt ones aside."""
    store = ImageStore(root)
    problems = store.content.verify()
    count = len(list(store.images()))
    if form == "json":
        print_json({"images": count, "problems": problems})
    else:
        for problem in problems:
            click.echo(f"runm: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)
    if form != "json":
        click.echo(f"{count} image{'' if count == 1 else 's'}, all blobs as their digests say")


@click.command("prune")
@store_option
@format_option
@click.option(
    "--grace", "grace_s", type=Seconds(min=0), default=3600.0, show_default=True, metavar="SECONDS",
    help="Keep what was written since.",
)  # fmt: skip
def prune(root: Path, form: str, grace_s: float) -> None:
    """Remove what no image needs, such as the rest of a broken pull."""
    removed = ImageStore(root).prune(grace_s)
    if form == "json":
        print_json({"blobs": removed.blobs, "freed": removed.size_bytes})
    else:
        click.echo(f"removed {removed.blobs} blobs, freed {size_in_words(removed.size_bytes)}")
