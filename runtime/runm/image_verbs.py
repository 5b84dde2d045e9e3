"""`runm list|show|inspect|tag|rm`: the images that are here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from runtime.images.manifest import Descriptor
from runtime.images.reference import Reference, parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.imagestore.errors import ImageInUse
from runtime.imagestore.store import SERVED_BY_HAND
from runtime.runm.image_facts import image_facts
from runtime.runm.image_options import (
    ago,
    client_config,
    format_option,
    named,
    print_json,
    print_table,
    printable,
    registry_options,
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
    store = ImageStore(root)
    lost: list[str] = []
    images = list(store.images(lost.append))
    if count := len(store.content.names.all().keys() & lost):
        what = "1 image is" if count == 1 else f"{count} images are"
        click.echo(f"runm: {what} not shown, as the manifest is lost; `runm verify` says which", err=True)
    if form == "json":
        print_json([_to_json(image) for image in images])
        return
    rows = [
        (one.reference.familiar_with_tag, one.id, size_in_words(one.size_bytes), ago(one.modified))
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
@click.option(
    "--format",
    type=click.Choice(["json"]),
    default="json",
    expose_value=False,
    help="As the other verbs have it.",
)
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
@format_option
@image_argument
@click.argument("name")
def tag(root: Path, form: str, image: str, name: str) -> None:
    """Give an image a second name."""
    store = ImageStore(root)
    found, reference = store.get(image), parse_reference(name)
    store.name(reference, found.descriptor)
    if form == "json":
        print_json(named(reference, found.descriptor.digest))


@click.command("rm")
@store_option
@registry_options
@format_option
@click.option("--remote", is_flag=True, help="Remove them from their registry, with all their tags there.")
@click.option("--force", "-f", is_flag=True, help="Also those that are in use.")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
def remove(
    root: Path,
    insecure: tuple[str, ...],
    hosts_folder: Path,
    form: str,
    remote: bool,
    force: bool,
    images: tuple[str, ...],
) -> None:
    """Remove images, and what only they needed."""
    if remote:
        from runtime.runm.transfer_verbs import remove_remote  # which speaks to registries

        remove_remote(images, client_config(insecure, hosts_folder), form)
        return
    store = ImageStore(root)
    found = dict(map(store.find, images))
    if not force:
        _check_unused(store, found)
    done = [(reference, one, store.remove_name(reference, one)) for reference, one in found.items()]
    if form == "json":
        print_json(
            [
                named(reference, one.digest) | {"blobs": gone.blobs, "freed": gone.size_bytes}
                for reference, one, gone in done
            ]
        )
        return
    for reference, one, gone in done:
        others = (other.digest for other in store.content.names.all().values())
        why = "another name needs its blobs" if one.digest in others else "`runm prune` removes what it kept"
        kept = "" if gone.blobs else f"; {why}"
        click.echo(f"removed {reference.familiar}, freed {size_in_words(gone.size_bytes)}{kept}")


def _check_unused(store: ImageStore, going: Mapping[Reference, Descriptor]) -> None:
    """A container that is made anew needs its image; another name keeps it. ImageInUse."""
    names = store.content.names.all().items()
    kept = {one.digest for name, one in names if parse_reference(name) not in going}
    for reference, one in going.items():
        if one.digest not in kept and (users := store.users(one.digest)):
            more = f" and {len(users) - 1} more" if len(users) > 1 else ""
            cure = "end it" if users[0] == SERVED_BY_HAND else "delete its pod"
            raise ImageInUse(
                f"image {reference.familiar} is used by {users[0]}{more}; {cure} first, or say --force"
            )


def _to_json(image: StoredImage) -> dict[str, Any]:
    return named(image.reference, image.descriptor.digest) | {
        "size": image.size_bytes,
        "modified": image.modified.isoformat(timespec="seconds"),
    }
