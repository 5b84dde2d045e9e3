from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime.content.errors import StoreError, UnknownName
from runtime.content.names import REF_NAME, Names
from runtime.images.digest import digest_of
from runtime.images.manifest import Descriptor
from runtime.images.media_types import DOCKER_MANIFEST

ONE = Descriptor(DOCKER_MANIFEST, digest_of(b"1"), 1)
TWO = Descriptor(DOCKER_MANIFEST, digest_of(b"2"), 2)


def test_names_come_move_and_go(tmp_path: Path) -> None:
    names = Names(tmp_path)
    assert names.all() == {}
    names.set("a", ONE)
    names.set("b", ONE)
    names.set("a", TWO)
    assert names.get("a").digest == TWO.digest
    assert list(Names(tmp_path).all()) == ["a", "b"]
    names.remove("a")
    for call in (names.get, names.remove):
        with pytest.raises(UnknownName, match="image a is not here"):
            call("a")
    document = json.loads((tmp_path / "index.json").read_text())
    assert document["manifests"][0]["annotations"] == {REF_NAME: "b"}


def test_many_writers_lose_no_name(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Names(tmp_path).set(f"n{n}", ONE), range(60)))
    assert len(Names(tmp_path).all()) == 60


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"schemaVersion":2,"config":{},"layers":[]}', b"[" * 9999])
def test_a_broken_index_is_named_and_not_overwritten(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "index.json").write_bytes(raw)
    names = Names(tmp_path)
    with pytest.raises(StoreError, match=r"index\.json: .*restore it"):
        names.all()
    with pytest.raises(StoreError):
        names.set("a", ONE)
    assert (tmp_path / "index.json").read_bytes() == raw
