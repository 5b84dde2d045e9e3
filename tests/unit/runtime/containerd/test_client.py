from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.testing.aio import run
from runtime.containerd.adapted import digest_of
from runtime.containerd.client import Containerd, containerd_at
from runtime.containerd.errors import ContainerdError

from .conftest import Rig, double

pytestmark = pytest.mark.loopback


def asked(test: Callable[[Containerd, Rig], Awaitable[None]]) -> None:
    async def main() -> None:
        with TemporaryDirectory(prefix="bw") as name:
            async with double(Path(name)) as rig, containerd_at(rig.address, "models") as containerd:
                await test(containerd, rig)

    run(main())


def test_content_comes_back_whole() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        data = bytes(range(256)) * 20
        digest = rig.keep(data)
        assert await containerd.size(digest) == len(data)
        assert await containerd.read(digest, len(data)) == data
        with pytest.raises(ContainerdError, match="more than 5 bytes"):
            await containerd.read(digest, 5)
        with pytest.raises(ContainerdError, match=r"^containerd: content sha256:0: not found$"):
            await containerd.read("sha256:0", 5)

    asked(test)


def test_what_is_written_has_its_labels_also_when_it_was_there() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        async with containerd.leased():
            await containerd.write(b"new", {"a": "1"})
            there = rig.keep(b"there")
            await containerd.write(b"there", {"b": "2"})
        assert rig.content[digest_of(b"new")] == b"new"
        assert rig.labels == {digest_of(b"new"): {"a": "1"}, there: {"b": "2"}}

    asked(test)


def test_a_lease_is_named_in_each_call_and_given_back_also_after_a_failure() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        with pytest.raises(ContainerdError):
            async with containerd.leased():
                (lease,) = rig.leases
                await containerd.write(b"x", {})
                await containerd.read("sha256:0", 5)
        assert rig.leases == [] and rig.told_leases == {lease}

    asked(test)


def test_snapshots() -> None:
    async def test(containerd: Containerd, rig: Rig) -> None:
        assert not await containerd.has_snapshot("llm", "one")
        folder = await containerd.prepare("llm", "key", "")
        assert folder.is_dir()
        await containerd.commit("llm", "one", "key")
        assert await containerd.has_snapshot("llm", "one")
        await containerd.remove("llm", "one")
        assert not await containerd.has_snapshot("llm", "one")
        with pytest.raises(ContainerdError, match="parent snapshot 'no' is not there"):
            await containerd.prepare("llm", "key", "no")

    asked(test)


def test_nobody_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with containerd_at(tmp_path / "none.sock", "default"):
            pass

    with pytest.raises(ContainerdError, match="no containerd listens there; name its socket with --address"):
        run(main())
