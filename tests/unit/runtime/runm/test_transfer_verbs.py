from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bronzewillow.testing.registry import FakeRegistry, fake_registry
from runtime.images.errors import UnservableImage
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import DOCKER_CONFIG
from runtime.registry.errors import AccessDenied, NotThere, RegistryError

from .conftest import Runm

pytestmark = pytest.mark.loopback


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    """One on a loop of its own, as verbs bring theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    manager = fake_registry("basic")
    found = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result(60)
    monkeypatch.setenv("RUNM_INSECURE", found.host)
    yield found
    asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_the_way_of_an_image(runm: Runm, registry: FakeRegistry, gguf: Path, tmp_path: Path) -> None:
    name = f"{registry.host}/team/tiny:v1"
    made = runm("create", name, "--model", str(gguf))
    with pytest.raises(AccessDenied, match=f"`runm login {registry.host}`"):
        runm("push", name)
    with pytest.raises(AccessDenied, match="does not take this name and password"):
        runm("login", "-u", "tester", "--password-stdin", registry.host, stdin="wrong\n")
    assert not (tmp_path / "docker/config.json").exists()
    with pytest.raises(click.UsageError, match="give it with --password-stdin"):
        runm("login", "-u", "tester", registry.host)
    runm("login", "-u", "tester", "--password-stdin", registry.host, stdin="secret\n")
    assert runm("push", name) == made
    assert runm("pull", f"{name}@{made.strip().partition('@')[2]}") == made
    assert runm("tags", f"{registry.host}/team/tiny") == "v1\n"
    assert json.loads(runm("tags", "--format", "json", f"{registry.host}/team/tiny")) == ["v1"]
    runm("rm", name)
    assert runm("pull", name) == made
    found = json.loads(runm("pull", "--format", "json", name))
    assert found == {"name": name, "digest": made.strip().partition("@")[2]}
    assert json.loads(runm("push", "--format", "json", name)) == found
    gone = f"removed {name.removesuffix(':v1')}@{found['digest']} and its tags from {registry.host}\n"
    assert runm("rm", "--remote", name) == gone
    with pytest.raises(NotThere, match="there is none"):
        runm("rm", "--remote", name)
    runm("push", name)
    assert json.loads(runm("rm", "--remote", "--format", "json", name)) == [found]
    assert name in runm("list")
    runm("push", name)
    runm("logout", registry.host)
    with pytest.raises(AccessDenied):
        runm("pull", name)


def test_what_no_engine_can_serve_is_not_fetched(runm: Runm, registry: FakeRegistry) -> None:
    registry.auth = "none"
    config = Descriptor(DOCKER_CONFIG, registry.add_blob("a/b", b"{}"), 2)
    digest = registry.add_blob("a/b", b"tar")
    layer = Descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", digest, 3)
    registry.add_manifest("a/b", "latest", emit_manifest(config, [layer]))
    with pytest.raises(UnservableImage):
        runm("pull", f"{registry.host}/a/b")
    assert not registry.served[digest]


def test_mistakes(runm: Runm) -> None:
    with pytest.raises(RegistryError, match="names no registry"):
        runm("pull", "tiny")
    with pytest.raises(RegistryError, match="repository tiny: names no registry"):
        runm("tags", "tiny")
    with pytest.raises(RegistryError, match="repository tiny: names no registry"):
        runm("rm", "--remote", "tiny")
    with pytest.raises(click.BadParameter, match=r"v1: name the repository alone, registry\.example/a$"):
        runm("tags", "registry.example/a:v1")
    with pytest.raises(click.BadParameter, match="is no registry"):
        runm("tags", "--insecure", "http://127.0.0.1:5000", "registry.example/a")
    for text in ("https://registry.example", "tiny", "a/b", ""):
        with pytest.raises(click.BadParameter, match="is no registry"):
            runm("logout", text)
