"""`runm create`: an image of a Modelfile or a GGUF file, or, with `--bundle`, an OCI container."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from bronzewillow.host.options import FilePath
from runtime.images.modelfile import Modelfile, emit_modelfile, parse_modelfile
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.imagestore.build import build
from runtime.imagestore.errors import BuildError
from runtime.runm import oci_verbs
from runtime.runm.find_image import find_or_pull
from runtime.runm.image_options import (
    client_config,
    format_option,
    named,
    print_json,
    registry_options,
    store_option,
)

_LONGEST_MODELFILE = 16 << 20


@click.command("create")
@click.option("--file", "-f", "file", type=FilePath(), show_default="./Modelfile", help="A Modelfile.")
@click.option("--model", type=FilePath(), help="A GGUF file, in the place of a Modelfile.")
@store_option
@registry_options
@format_option
@oci_verbs.root_option
@click.option("--bundle", "-b", type=FilePath(), help="Make a container of this bundle.")
@click.option("--pid-file", type=FilePath(), help="With --bundle: write the process's id there.")
@click.argument("name")
def create(
    file: Path | None,
    model: Path | None,
    root: Path,
    insecure: tuple[str, ...],
    hosts_folder: Path,
    form: str,
    containers: Path,
    bundle: Path | None,
    pid_file: Path | None,
    name: str,
) -> None:
    """Make the image NAME; or with --bundle the container NAME, which waits for `start`."""
    if bundle is not None:
        if file is not None or model is not None:
            raise click.UsageError("--bundle makes a container, --file and --model an image")
        oci_verbs.create_container(containers, bundle, pid_file, name)
        return
    if pid_file is not None:
        raise click.UsageError("--pid-file needs --bundle")
    if file is not None and model is not None:
        raise click.UsageError("say --file or --model, not both")
    reference = parse_reference(name)
    store = ImageStore(root)
    config = client_config(insecure, hosts_folder)

    def find_base(text: str) -> StoredImage:
        return asyncio.run(find_or_pull(store, text, config))

    modelfile, folder = _of_model(model) if model is not None else _read(file or Path("Modelfile"))
    for warning in modelfile.warnings:
        click.echo(f"runm: {warning}", err=True)
    descriptor = build(store, modelfile, folder, find_base, lambda line: click.echo(line, err=True))
    store.name(reference, descriptor)
    if form == "json":
        print_json(named(reference, descriptor.digest))
    else:
        click.echo(f"{reference.familiar}@{descriptor.digest}")


def _of_model(path: Path) -> tuple[Modelfile, Path]:
    return parse_modelfile(emit_modelfile(Modelfile((str(path.absolute()),)))), Path.cwd()


def _read(path: Path) -> tuple[Modelfile, Path]:
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST_MODELFILE + 1)
        text = raw.decode()
    except OSError as error:
        raise BuildError(
            f"{path}: {error.strerror}; name a Modelfile with -f, or a GGUF with --model"
        ) from None
    except UnicodeDecodeError:
        raise BuildError(f"{path}: is not UTF-8 text; a GGUF file is named with --model") from None
    if len(raw) > _LONGEST_MODELFILE:
        raise BuildError(f"{path}: more than {_LONGEST_MODELFILE >> 20} MiB")
    return parse_modelfile(text, str(path)), path.absolute().parent
