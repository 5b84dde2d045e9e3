from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.digest import digest_of
from runtime.images.errors import InvalidManifest
from runtime.images.manifest import (
    Descriptor,
    Index,
    Manifest,
    Platform,
    emit_manifest,
    parse_manifest,
)
from runtime.images.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    OLLAMA_MODEL,
    OLLAMA_PARAMS,
)

A, B = digest_of(b"a"), digest_of(b"b")
CONFIG = Descriptor(DOCKER_CONFIG, A, 485)
LAYERS = (Descriptor(OLLAMA_MODEL, B, 98362432), Descriptor(OLLAMA_PARAMS, A, 61, extra={"from": "x"}))
DOCUMENT: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": DOCKER_MANIFEST,
    "config": {"mediaType": DOCKER_CONFIG, "digest": A, "size": 485},
    "layers": [
        {"mediaType": OLLAMA_MODEL, "digest": B, "size": 98362432},
        {"mediaType": OLLAMA_PARAMS, "digest": A, "size": 61, "from": "x"},
    ],
}


def parse(**changes: Any) -> Manifest:
    found = parse_manifest(json.dumps(DOCUMENT | changes).encode())
    assert isinstance(found, Manifest)
    return found


def test_ollamas_form_byte_for_byte() -> None:
    written = json.dumps(DOCUMENT, separators=(",", ":")).encode() + b"\n"
    assert emit_manifest(CONFIG, LAYERS) == written
    found = parse_manifest(written)
    assert found == Manifest(DOCKER_MANIFEST, CONFIG, LAYERS, written)
    assert found.digest == digest_of(written)
    assert found.descriptor == Descriptor(DOCKER_MANIFEST, digest_of(written), len(written))


def test_blobs_are_named_once() -> None:
    assert [blob.digest for blob in parse().blobs] == [A, B]


def test_the_type_may_come_from_the_registry_or_the_shape() -> None:
    raw = json.dumps({key: value for key, value in DOCUMENT.items() if key != "mediaType"}).encode()
    assert parse_manifest(raw, f"{DOCKER_MANIFEST}; charset=utf-8").media_type == DOCKER_MANIFEST
    assert parse_manifest(raw).media_type == OCI_MANIFEST
    assert parse_manifest(b'{"schemaVersion": 2, "manifests": []}').media_type == OCI_INDEX


def index(*platforms: tuple[str, str, str] | None) -> Index:
    manifests = []
    for number, platform in enumerate(platforms):
        value: dict[str, Any] = {"mediaType": OCI_MANIFEST, "digest": A, "size": number}
        if platform:
            value["platform"] = dict(zip(("os", "architecture", "variant"), platform, strict=True))
        manifests.append(value)
    found = parse_manifest(json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())
    assert isinstance(found, Index)
    return found


def test_of_an_index_the_best_is_chosen() -> None:
    mac, linux = Platform("darwin", "arm64", "v8"), Platform("linux", "arm64")
    both = index(("linux", "amd64", ""), ("linux", "arm64", ""), ("darwin", "arm64", "v8"))
    assert both.choose([mac, linux]).size == 2
    assert both.choose([linux]).size == 1
    assert index(("linux", "s390x", ""), None).choose([mac]).size == 1
    assert index(("unknown", "unknown", "")).choose([mac]).size == 0
    with pytest.raises(InvalidManifest, match="no image for this machine, only for: linux/amd64"):
        index(("linux", "amd64", "")).choose([mac])
    assert index(None).digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"schemaVersion": 1}, "schemaVersion 1"),
        ({"mediaType": "text/plain"}, "neither a manifest nor an index"),
        ({"mediaType": 5}, "neither"),
        ({"config": None}, "config: expected an object"),
        ({"layers": {}}, "layers: expected a list"),
        ({"layers": [5]}, r"layers\[0\]: expected an object"),
        ({"layers": [DOCUMENT["config"]] * 1001}, "1001 of them"),
        ({"config": {"digest": A, "size": -1}}, "config.size: -1"),
        ({"config": {"digest": A, "size": True}}, "config.size: True"),
        ({"config": {"digest": A, "size": 1 << 63}}, "config.size"),
        ({"config": {"digest": "sha256:x", "size": 1}}, "config.digest: 'sha256:x' is no digest"),
        ({"config": {"digest": 5, "size": 1}}, "config.digest: expected a string"),
        ({"config": {"digest": A, "size": 1, "platform": 5}}, "config.platform"),
        ({"annotations": {"a": 1}}, "manifest.annotations: expected an object of strings"),
    ],
)
def test_mistakes_name_their_place(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidManifest, match=why):
        parse(**changes)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "is not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"schemaVersion": 2, "schemaVersion": 1}', "stands twice"),
        (b" " * ((4 << 20) + 1), "4,194,304 are the most"),
    ],
)
def test_bytes_that_are_none(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidManifest, match=why):
        parse_manifest(raw)


KEYS = [*DOCUMENT, "manifests", "digest", "size", "platform"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(A),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*DOCUMENT, "manifests", "digest", "size", "platform"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_one_or_one_error(raw: bytes) -> None:
    with contextlib.suppress(InvalidManifest):
        parse_manifest(raw)


@given(st.sampled_from(["config", "layers", "annotations", "mediaType", "artifactType"]), JSON)
def test_any_change_is_one_or_one_error(key: str, value: object) -> None:
    with contextlib.suppress(InvalidManifest):
        parse(**{key: value})
