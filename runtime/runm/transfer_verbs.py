"""`runm pull|push|tags|login|logout`: what speaks to registries."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from runtime.images.reference import Reference, parse_reference
from runtime.imagestore import ImageStore
from runtime.registry.client import ClientConfig, registry_client
from runtime.registry.credentials import Credentials, DockerConfig, default_config
from runtime.registry.errors import AccessDenied
from runtime.registry.push import push
from runtime.runm.find_image import pull_shown
from runtime.runm.image_options import (
    checked_registry,
    client_config,
    format_option,
    named,
    print_json,
    registry_options,
    store_option,
)
from runtime.runm.transfer_progress import shown_progress


@click.command("pull")
@store_option
@registry_options
@format_option
@click.argument("image")
def pull_image(root: Path, insecure: tuple[str, ...], hosts_folder: Path, form: str, image: str) -> None:
    """Get an image from its registry."""
    store = ImageStore(root)

    async def main() -> None:
        async with registry_client(client_config(insecure, hosts_folder)) as client:
            found = await pull_shown(client, store, image)
        if form == "json":
            print_json(named(found.reference, found.descriptor.digest))
        else:
            click.echo(_with_digest(found.reference, found.descriptor.digest))

    asyncio.run(main())


@click.command("push")
@store_option
@registry_options
@format_option
@click.argument("image")
def push_image(root: Path, insecure: tuple[str, ...], hosts_folder: Path, form: str, image: str) -> None:
    """Send an image to the registry that its name has."""
    store = ImageStore(root)
    reference = parse_reference(image)

    async def main() -> None:
        async with registry_client(client_config(insecure, hosts_folder)) as client:
            with shown_progress("pushing") as progress:
                digest = await push(client, store.content, reference, progress)
        if form == "json":
            print_json(named(reference, digest))
        else:
            click.echo(_with_digest(reference, digest))

    asyncio.run(main())


def remove_remote(images: Sequence[str], config: ClientConfig, form: str) -> None:
    """Remove images from their registries, as `runm rm --remote`."""
    references = [parse_reference(one) for one in images]

    async def main() -> list[tuple[Reference, str]]:
        async with registry_client(config) as client:
            return [(one, await client.delete_manifest(one)) for one in references]

    done = asyncio.run(main())
    if form == "json":
        print_json([named(reference, digest) for reference, digest in done])
        return
    for reference, digest in done:
        click.echo(f"removed {reference.name}@{digest} and its tags from {reference.registry}")


@click.command("tags")
@registry_options
@format_option
@click.argument("repository")
def tags(insecure: tuple[str, ...], hosts_folder: Path, form: str, repository: str) -> None:
    """Show the tags of a repository, such as registry.example/team/tiny."""
    reference = parse_reference(repository)
    if reference.digest is not None or repository.endswith(f":{reference.tag}"):
        raise click.BadParameter(f"{repository}: name the repository alone, {reference.name}")

    async def main() -> list[str]:
        async with registry_client(client_config(insecure, hosts_folder)) as client:
            return await client.tags(reference)

    found = asyncio.run(main())
    if form == "json":
        print_json(found)
    else:
        click.echo("".join(f"{one}\n" for one in found), nl=False)


@click.command("login")
@registry_options
@click.option("--username", "-u", prompt=True, help="Asked for where it is not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.argument("registry")
def login(
    insecure: tuple[str, ...], hosts_folder: Path, username: str, password_stdin: bool, registry: str
) -> None:
    """Keep a name and a password for a registry, where Docker keeps them."""
    checked_registry(registry)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True)
    else:
        raise click.UsageError("no terminal to ask for the password on: give it with --password-stdin")
    who = Credentials(username, password)

    async def main() -> None:
        config = replace(client_config(insecure, hosts_folder), credentials={registry: who}, tries=2)
        async with registry_client(config) as client:
            try:
                await client.ping(registry)
            except AccessDenied:
                raise AccessDenied(f"registry {registry}: does not take this name and password") from None
        await DockerConfig(default_config()).save(registry, who)

    asyncio.run(main())
    click.echo(f"logged in to {registry}")


@click.command("logout")
@click.argument("registry")
def logout(registry: str) -> None:
    """Forget the name and the password that are kept for a registry."""
    checked_registry(registry)
    asyncio.run(DockerConfig(default_config()).forget(registry))


def _with_digest(reference: Reference, digest: str) -> str:
    return replace(reference, digest=None).familiar + f"@{digest}"
