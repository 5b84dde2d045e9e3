from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.ports import free_tcp_port
from bronzewillow.testing.registry import fake_registry
from runtime.api import cri_pb2 as api
from runtime.content.errors import UnknownName
from runtime.cri.errors import InvalidArgument, NotFound
from runtime.cri.images import Images
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore
from runtime.registry.client import ClientConfig, registry_client
from runtime.registry.errors import AccessDenied, RegistryError, Unreachable
from runtime.registry.push import push

from .conftest import make_image

NAMES = ("tiny", "registry.invalid/team/tiny:v1")


@pytest.fixture
def images(tmp_path: Path) -> Images:
    store = ImageStore(tmp_path / "store")
    make_image(store, tmp_path, *NAMES)
    return Images(store, ClientConfig(docker_config=tmp_path / "none", tries=1))


def test_names_of_one_image_go_together(images: Images) -> None:
    (image,) = images.all()
    found = image.to_api()
    assert found.id == image.digest and found.size > 0
    assert list(found.repo_tags) == ["registry.invalid/team/tiny:v1", "tiny:latest"]
    assert list(found.repo_digests) == [
        f"registry.invalid/team/tiny@{image.digest}", f"tiny@{image.digest}",
    ]  # fmt: skip
    for text in (
        *NAMES,
        "tiny:latest",
        image.digest,
        image.digest.removeprefix("sha256:"),
        image.digest[7:19],
    ):
        assert images.get(text).digest == image.digest
    images.remove("tiny")
    assert images.all() == []
    images.remove("tiny")


def test_what_is_not_here(images: Images) -> None:
    assert images.find("other") is images.find("sha256:" + "0" * 64) is images.find("sha256:1") is None
    with pytest.raises(NotFound, match="pull it first"):
        images.get("other")
    for text in ("", "UPPER", "a:b:c"):
        with pytest.raises(InvalidArgument):
            images.get(text)


def test_usage(images: Images) -> None:
    root, used_bytes, files = images.usage()
    assert root.is_dir() and used_bytes > 100 and files == 3  # the file, its configuration, the manifest


def test_one_of_this_node_need_not_be_pulled(images: Images) -> None:
    assert run(images.pull("tiny", api.AuthConfig())) == images.all()[0].digest
    with pytest.raises(RegistryError, match="names no registry"):
        run(images.pull("other", api.AuthConfig()))
    with pytest.raises(InvalidArgument, match="base64"):
        run(images.pull("registry.invalid/a", api.AuthConfig(auth="%%")))


@pytest.mark.loopback
def test_a_registry_that_is_away_keeps_no_other_pull_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.cri.images._ABSENT_S", 0.0)
    images = Images(ImageStore(tmp_path / "store"), ClientConfig(docker_config=tmp_path / "none"))
    port = free_tcp_port()

    async def main() -> None:
        async with asyncio.timeout(15):  # nine tries take 16 s at least
            with pytest.raises(Unreachable, match="cannot connect"):
                await images.pull(f"127.0.0.1:{port}/team/tiny:v1", api.AuthConfig())

    run(main())


@pytest.mark.loopback
@pytest.mark.parametrize(
    "auth",
    [
        api.AuthConfig(username="tester", password="secret"),
        api.AuthConfig(auth=base64.b64encode(b"tester:secret").decode()),
    ],
)
def test_credentials_come_with_the_pull(images: Images, tmp_path: Path, auth: api.AuthConfig) -> None:
    async def main() -> None:
        async with fake_registry("none") as registry:
            name = f"{registry.host}/team/tiny:v1"
            config = ClientConfig(insecure=(registry.host,), docker_config=tmp_path / "none", tries=1)
            images.store.name(parse_reference(name), images.get("tiny").stored[0].descriptor)
            async with registry_client(config) as client:
                digest = await push(client, images.store.content, parse_reference(name))
            registry.auth = "basic"
            elsewhere = Images(ImageStore(tmp_path / "other"), config)
            with pytest.raises(AccessDenied):
                await elsewhere.pull(name, api.AuthConfig())
            assert elsewhere.progress(name) is None
            pulling = spawn(elsewhere.pull(name, auth), name="pull")
            seen = []
            while not pulling.done():
                seen.append(elsewhere.progress(name))
                await asyncio.sleep(0)
            assert await pulling == digest
            assert any(one is not None and 0 < one["doneBytes"] <= one["totalBytes"] for one in seen)
            assert elsewhere.progress(name) is None
            assert elsewhere.get(name).digest == digest
            with pytest.raises(UnknownName):
                elsewhere.store.get("tiny")

    run(main())
