"""`runm pull|push|tags|login|logout`: what speaks to registries."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from runtime.images.errors import ImageError
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore
from runtime.registry.client import ClientConfig, registry_client
from runtime.registry.credentials import Credentials, DockerConfig, default_config
from runtime.registry.push import push
from runtime.runm.image_options import (
    client_config,
    format_option,
    print_json,
    registry_options,
    store_option,
)
from runtime.runm.image_options import pull_shown as _pull
from runtime.runm.transfer_progress import shown_progress


@click.command("pull")
@store_option
@registry_options
@format_option
@click.argument("image")
def pull_image(root: Path, insecure: tuple[str, ...], hosts: Path, form: str, image: str) -> None:
    """Get an image from its registry."""
    store = ImageStore(root)

    async def main() -> None:
        async with registry_client(client_config(insecure, hosts)) as client:
            found = await _pull(client, store, image)
        if form == "json":
            print_json({"name": str(found.reference), "digest": found.descriptor.digest})
        else:
            click.echo(f"{found.reference.familiar}@{found.descriptor.digest}")

    asyncio.run(main())


@click.command("push")
@store_option
@registry_options
@format_option
@click.argument("image")
def push_image(root: Path, insecure: tuple[str, ...], hosts: Path, form: str, image: str) -> None:
    """Send an image to the registry that its name has."""
    store = ImageStore(root)
    reference = parse_reference(image)

    async def main() -> None:
        async with registry_client(client_config(insecure, hosts)) as client:
            with shown_progress("pushing") as progress:
                digest = await push(client, store.content, reference, progress)
        if form == "json":
            print_json({"name": str(reference), "digest": digest})
        else:
            click.echo(f"{reference.familiar}@{digest}")

    asyncio.run(main())


@click.command("tags")
@registry_options
@format_option
@click.argument("repository")
def tags(insecure: tuple[str, ...], hosts: Path, form: str, repository: str) -> None:
    """Show the tags of a repository, such as registry.example/team/tiny."""

    async def main() -> list[str]:
        async with registry_client(client_config(insecure, hosts)) as client:
            return await client.tags(parse_reference(repository))

    found = asyncio.run(main())
    if form == "json":
        print_json(found)
    else:
        click.echo("".join(f"{one}\n" for one in found), nl=False)


@click.command("login")
@registry_options
@click.option("--username", "-u", prompt=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.argument("registry")
def login(insecure: tuple[str, ...], hosts: Path, username: str, password_stdin: bool, registry: str) -> None:
    """Keep a name and a password for a registry, where Docker keeps them."""
    _check_registry(registry)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True)
    who = Credentials(username, password)

    async def main() -> None:
        config = ClientConfig(hosts, tuple(insecure), credentials={registry: who}, tries=2)
        async with registry_client(config) as client:
            await client.ping(registry)
        await DockerConfig(default_config()).save(registry, who)

    asyncio.run(main())
    click.echo(f"logged in to {registry}")


@click.command("logout")
@click.argument("registry")
def logout(registry: str) -> None:
    """Forget them."""
    _check_registry(registry)
    asyncio.run(DockerConfig(default_config()).forget(registry))


def _check_registry(text: str) -> None:
    try:
        is_one = parse_reference(f"{text}/a/b").registry == text
    except ImageError:
        is_one = False
    if not is_one:
        raise click.BadParameter(f"{text[:200]!r} is no registry, such as registry.example:5000")
