"""What the files of a volume hold."""

from __future__ import annotations

import base64

import pytest

from kubelet.volumes.errors import VolumeError
from kubelet.volumes.payload import (
    File,
    checked_path,
    config_map_payload,
    downward_payload,
    merged,
    mode_of,
    secret_payload,
)


def b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


CONFIG = {"data": {"a": "1", "b": "2"}, "binaryData": {"c": b64(b"\xff")}}


def test_all_keys_of_a_config_map() -> None:
    found = config_map_payload({}, CONFIG, "x", 0o600)
    assert found == {"a": File(b"1", 0o600), "b": File(b"2", 0o600), "c": File(b"\xff", 0o600)}


def test_chosen_keys_with_paths_and_modes() -> None:
    items = [{"key": "a", "path": "deep/one", "mode": 256}, {"key": "c", "path": "two"}]
    found = config_map_payload({"items": items}, CONFIG, "x", 0o644)
    assert found == {"deep/one": File(b"1", 0o400), "two": File(b"\xff", 0o644)}


def test_what_is_missing() -> None:
    with pytest.raises(VolumeError, match='configmap "x" not found'):
        config_map_payload({}, None, "x", 0o644)
    with pytest.raises(VolumeError, match='secret "x" not found'):
        secret_payload({}, None, "x", 0o644)
    items = [{"key": "none", "path": "p"}]
    with pytest.raises(VolumeError, match="configmap references non-existent config key: none"):
        config_map_payload({"items": items}, CONFIG, "x", 0o644)
    with pytest.raises(VolumeError, match="references non-existent secret key: none"):
        secret_payload({"items": items}, {"data": {}}, "x", 0o644)


def test_what_is_optional_may_be_missing() -> None:
    assert config_map_payload({"optional": True}, None, "x", 0o644) == {}
    items = [{"key": "none", "path": "p"}, {"key": "a", "path": "q"}]
    assert list(config_map_payload({"optional": True, "items": items}, CONFIG, "x", 0o644)) == ["q"]


def test_secrets_are_base64() -> None:
    assert secret_payload({}, {"data": {"k": b64(b"s")}}, "x", 0o400) == {"k": File(b"s", 0o400)}
    with pytest.raises(VolumeError, match="key k: its value is not base64"):
        secret_payload({}, {"data": {"k": "?"}}, "x", 0o400)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "..data", "a\0b"])
def test_paths_stay_in_their_volume(path: str) -> None:
    with pytest.raises(VolumeError, match="invalid path"):
        checked_path(path)


def test_fields_of_the_pod() -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}, "mode": 384}]
    found = downward_payload(items, lambda item: item["fieldRef"]["fieldPath"].upper(), 0o644)
    assert found == {"labels": File(b"METADATA.LABELS", 0o600)}


def test_of_two_with_one_path_the_later_counts() -> None:
    assert merged([{"a": File(b"1")}, {"a": File(b"2"), "b": File(b"3")}]) == {
        "a": File(b"2"),
        "b": File(b"3"),
    }


@pytest.mark.parametrize(
    ("value", "mode"), [(None, 0o644), (420, 0o644), (0o1777, 0o777), ("x", 0o644), (True, 0o644)]
)
def test_modes(value: object, mode: int) -> None:
    assert mode_of(value) == mode
