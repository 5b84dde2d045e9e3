"""`runm serve`: options into one configuration."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bronzewillow.host.options import FilePath, Seconds
from runtime.engine.registry import DEFAULT_ENGINE, ENGINES
from runtime.openai.guard import parse_origins, read_keys
from runtime.runm.image_options import client_config, registry_options, store_option
from runtime.runm.image_settings import load_settings, preset_of, warnings
from runtime.runm.listen import parse_address
from runtime.runm.model_folder import ModelFolder, read_model_folder
from runtime.runm.serve import serve
from runtime.runm.serve_config import ServeConfig
from runtime.runm.threads import default_threads


def _checked(parse: Callable[[Any], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A click callback that shows the ValueError or OSError of `parse` as a wrong option."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(parse(one) for one in value)
            return None if value is None else parse(value)
        except OSError as err:
            raise click.BadParameter(f"{value}: {err.strerror or err}") from err
        except ValueError as err:
            raise click.BadParameter(
                f"{value if not isinstance(value, tuple) else ' '.join(value)}: {err}"
            ) from err

    return callback


def _parse_engine_option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ValueError("write KEY=VALUE")
    return key, value


def _origin(text: str) -> str:
    return parse_origins([text])[0]


@click.command("serve", context_settings={"auto_envvar_prefix": "RUNM"})
@click.argument("image", required=False)
@store_option
@registry_options
@click.option("--model", type=FilePath(), help="The GGUF file.")
@click.option("--rootfs", type=FilePath(), help="A folder with model.gguf and what belongs to it.")
@click.option(
    "--listen", multiple=True, callback=_checked(parse_address), metavar="unix:PATH|HOST:PORT",
    show_default="required", help="Where to serve; may be repeated.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(list(ENGINES)), default=DEFAULT_ENGINE, show_default=True,
    help="What runs the model.",
)  # fmt: skip
@click.option("--llama-server", type=FilePath(), help="Upstream's program, for --engine llama-server.")
@click.option("--name", default="", help="The model's id; by default the file's name without .gguf.")
@click.option("--alias", multiple=True, help="Another name that requests may use; may be repeated.")
@click.option(
    "--context", type=click.IntRange(min=1), show_default="the model's, at most 4096", help="Tokens per slot."
)
@click.option(
    "--parallel", type=click.IntRange(1, 256), default=4, show_default=True, help="Slots: answers at once."
)
@click.option(
    "--queue",
    type=click.IntRange(min=0),
    default=32,
    show_default=True,
    help="Requests that may wait for a slot.",
)
@click.option(
    "--threads", type=click.IntRange(1, 512), show_default="performance cores minus one", help="CPU threads."
)
@click.option(
    "--gpu-layers",
    type=click.IntRange(min=-1),
    show_default="-1",
    help="Layers on the GPU; -1: all that fit.",
)
@click.option(
    "--cache-ram-mib", type=click.IntRange(min=0), default=256, show_default=True,
    help="Memory for prompts of before.",
)  # fmt: skip
@click.option(
    "--memory-limit", "memory_limit_bytes", type=click.IntRange(min=0), metavar="BYTES",
    show_default="what the machine has", help="Refuse a model that needs more; 0: refuse none.",
)  # fmt: skip
@click.option("--embeddings/--no-embeddings", default=True, show_default=True, help="Serve /v1/embeddings.")
@click.option(
    "--chat-template-file", "chat_template", metavar="FILE",
    callback=_checked(lambda path: Path(path).read_text()),
    help="A Jinja template instead of the model's own.",
)  # fmt: skip
@click.option("--adapter", "adapters", multiple=True, type=FilePath(), help="A LoRA; may be repeated.")
@click.option("--projector", type=FilePath(), help="A GGUF file that lets the model see images.")
@click.option(
    "--api-key-file", "keys", callback=_checked(lambda path: read_keys(Path(path))), metavar="FILE",
    help="Accepted keys, one per line.",
)  # fmt: skip
@click.option(
    "--cors-origin",
    "origins",
    multiple=True,
    callback=_checked(_origin),
    help="A web origin whose pages may ask, or *; may be repeated.",
)
@click.option("--allow-host", multiple=True, help="A further Host name accepted over TCP loopback.")
@click.option(
    "--body-limit-mib", type=click.IntRange(1, 4096), default=32, show_default=True,
    help="The largest body of a request.",
)  # fmt: skip
@click.option(
    "--linger-s", type=Seconds(min=0), default=5.0, show_default=True,
    help="Seconds after SIGTERM in which new requests are served, while any come.",
)  # fmt: skip
@click.option(
    "--drain-s", type=Seconds(min=0), default=30.0, show_default=True,
    help="Seconds that answers under way get then.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show llama.cpp's own log.")
def serve_command(
    image: str | None,
    root: Path,
    insecure: tuple[str, ...],
    hosts_folder: Path,
    model: Path | None,
    rootfs: Path | None,
    adapters: tuple[Path, ...],
    projector: Path | None,
    chat_template: str | None,
    context: int | None,
    threads: int | None,
    gpu_layers: int | None,
    keys: tuple[str, ...] | None,
    body_limit_mib: int,
    llama_server: Path | None,
    alias: tuple[str, ...],
    allow_host: tuple[str, ...],
    **rest: Any,
) -> None:
    """Serve one model with OpenAI's API: an IMAGE, pulled when it is not here, a file or a folder."""
    logging.basicConfig(
        level=logging.INFO if rest["verbose"] else logging.WARNING,
        format="runm: %(message)s",
        stream=sys.stderr,
    )
    if not rest["listen"]:
        raise click.UsageError("say where to serve, such as --listen 127.0.0.1:8080")
    options = (("program", str(llama_server)),) if llama_server is not None else ()
    if (model is not None) + (rootfs is not None) + (image is not None) > 1:
        raise click.UsageError("say one of IMAGE, --model and --rootfs")
    if image is not None:
        # what only images need is not imported for a container, which has a folder
        from runtime.imagestore import ImageStore
        from runtime.runm.find_image import find_or_pull

        store = ImageStore(root)
        found = asyncio.run(find_or_pull(store, image, client_config(insecure, hosts_folder)))
        rootfs = click.get_current_context().with_resource(store.served(found))
        rest["name"] = rest["name"] or found.reference.familiar
    folder = read_model_folder(rootfs) if rootfs is not None else ModelFolder(model)
    for warning in warnings(folder):
        click.echo(f"runm: {warning}", err=True)
    settings = load_settings(folder)
    config = ServeConfig(
        model=folder.model,
        adapters=(*folder.adapters, *adapters),
        projector=projector or folder.projector,
        chat_template=chat_template or folder.chat_template,
        preset=preset_of(folder),
        context_tokens=context or settings.context_tokens,
        batch_tokens=settings.batch_tokens,
        threads=threads or settings.threads or default_threads(),
        gpu_layers=settings.gpu_layers if gpu_layers is None else gpu_layers,
        keys=keys or (),
        aliases=alias,
        hosts=allow_host,
        body_bytes=body_limit_mib << 20,
        engine_options=options,
        **rest,
    )
    asyncio.run(serve(config))
