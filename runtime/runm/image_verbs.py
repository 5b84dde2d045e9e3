"""`runm list|show|inspect|tag|rm|save|load|verify|prune`: the images that are here."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from runtime.images.media_types import Role
from runtime.images.modelfile import Message, Modelfile, emit_modelfile
from runtime.images.parameters import parameter_texts, parse_parameters
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.imagestore.archive import load, opened, save
from runtime.imagestore.errors import ArchiveError
from runtime.runm.image_options import (
    format_option,
    print_json,
    print_table,
    printable,
    size_in_words,
    store_option,
)
from runtime.runm.model_folder import read_model_folder

image_argument = click.argument("image")
_ABOUT = {"modelfile", "parameters", "template", "system", "license"}


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
@click.option("--modelfile", "about", flag_value="modelfile", help="Only a Modelfile that makes it again.")
@click.option("--parameters", "about", flag_value="parameters", help="Only the parameters.")
@click.option("--template", "about", flag_value="template", help="Only the template.")
@click.option("--system", "about", flag_value="system", help="Only the system message.")
@click.option("--license", "about", flag_value="license", help="Only the licences.")
@image_argument
def show(root: Path, form: str, about: str | None, image: str) -> None:
    """Show what an image says of its model."""
    store = ImageStore(root)
    facts = _facts(store, store.get(image))
    if form == "json":
        print_json(facts if about is None else {about: facts[about]})
        return
    if about is not None:
        click.echo(printable(str(facts[about])).rstrip("\n"))
        return
    print_table([(f"  {name}", printable(str(value))) for name, value in facts["model"].items() if value])
    for name in ("parameters", "system", "license"):
        if facts[name]:
            click.echo(f"\n{name}")
            click.echo("\n".join(f"  {line}" for line in printable(str(facts[name])).splitlines()[:12]))
    for warning in facts["warnings"]:
        click.echo(f"runm: {warning}", err=True)


@click.command("inspect")
@store_option
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
        click.echo(f"removed {found.reference.familiar}, {size_in_words(removed.size_bytes)} free")


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
        raise ArchiveError(text if text.startswith(source) else f"{source}: {text}") from None


@click.command("verify")
@store_option
def verify(root: Path) -> None:
    """Read all blobs; put corrupt ones aside."""
    problems = ImageStore(root).content.verify()
    for problem in problems:
        click.echo(f"runm: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(1)


@click.command("prune")
@store_option
@click.option(
    "--grace", "grace_s", type=click.FloatRange(min=0), default=3600.0, show_default=True, metavar="SECONDS",
    help="Keep what was written since.",
)  # fmt: skip
def prune(root: Path, grace_s: float) -> None:
    """Remove what no image needs, such as the rest of a broken pull."""
    removed = ImageStore(root).prune(grace_s)
    click.echo(f"removed {removed.blobs} blobs, {size_in_words(removed.size_bytes)} free")


def _to_json(image: StoredImage) -> dict[str, Any]:
    return {
        "name": str(image.reference),
        "digest": image.descriptor.digest,
        "size": image.size_bytes,
        "modified": image.modified.isoformat(timespec="seconds"),
    }


def _facts(store: ImageStore, image: StoredImage) -> dict[str, Any]:
    model = store.model_image(image)
    folder = read_model_folder(store.folder(image))
    texts = {role: [store.text(part) for part in model.of(role)] for role in (Role.TEMPLATE, Role.LICENSE)}
    params = [store.text(part) for part in model.of(Role.PARAMS)]
    parameters = parse_parameters("".join(params).encode())
    paths = {part.role: str(store.folder(image) / part.file_name) for part in model.parts}
    modelfile = Modelfile(
        (paths[Role.MODEL],),
        parameters,
        texts[Role.TEMPLATE][0] if texts[Role.TEMPLATE] else None,
        folder.system or None,
        tuple(map(str, folder.adapters)),
        licenses=tuple(texts[Role.LICENSE]),
        messages=tuple(Message(one["role"], one["content"]) for one in folder.messages),
    )
    return {
        "model": {
            "architecture": model.config.family,
            "parameters": model.config.parameters,
            "quantization": model.config.quantization,
            "context length": model.config.context_tokens,
            "size": size_in_words(image.size_bytes),
            "kind": str(model.ecosystem),
            "id": image.id,
        },
        "parameters": "\n".join(f"{name} {text}" for name, text in parameter_texts(parameters)),
        "template": "".join(texts[Role.TEMPLATE]),
        "system": folder.system,
        "license": "\n".join(texts[Role.LICENSE]),
        "modelfile": emit_modelfile(modelfile),
        "warnings": list(model.warnings),
    }


def _ago(then: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
