from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.oci.bundle import Bundle, load_bundle, parse_bundle
from runtime.oci.errors import BundleError

CONFIG: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs", "readonly": True},
    "process": {
        "args": ["/usr/bin/runm", "serve", "--context", "512"],
        "env": ["A=b=c", "E="],
        "cwd": "/tmp",
    },
    "linux": {"resources": {"memory": {"limit": 1 << 30}}, "namespaces": [{"type": "pid"}]},
    "annotations": {"io.x": "y"},
}
FOLDER = Path("/bundles/one")


def parse(**changes: Any) -> Bundle:
    return parse_bundle(json.dumps(CONFIG | changes).encode(), FOLDER)


def test_what_runm_takes_of_it() -> None:
    assert parse() == Bundle(
        FOLDER,
        FOLDER / "rootfs",
        ("--context", "512"),
        {"A": "b=c", "E": ""},
        Path("/tmp"),
        1 << 30,
        {"io.x": "y"},
    )


@pytest.mark.parametrize(
    "args", [["runm", "serve", "-x"], ["serve", "-x"], ["-x"], ["/opt/bin/runm", "serve", "-x"]]
)
def test_the_words_that_say_runm_serve_are_optional(args: list[str]) -> None:
    assert parse(process={"args": args}).args == ("-x",)


def test_a_bundle_needs_little() -> None:
    small = parse_bundle(b'{"ociVersion": "1.2.0", "root": {"path": "/models/a"}, "process": {}}', FOLDER)
    assert small == Bundle(FOLDER, Path("/models/a"), (), {}, Path("/"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ociVersion": "2.0"}, "ociVersion: '2.0' is not 1.x"),
        ({"ociVersion": None}, "ociVersion: expected a string, got nothing"),
        ({"root": {}}, "root.path: expected a string"),
        ({"root": "x"}, "root: expected an object, got str"),
        ({"process": None}, "process: expected an object, got nothing"),
        ({"process": {"args": "x"}}, "process.args: expected a list of strings, got str"),
        ({"process": {"args": ["a\0b"]}}, "process.args"),
        ({"process": {"env": ["novalue"]}}, "process.env: 'novalue' is not NAME=VALUE"),
        ({"process": {"env": ["=x"]}}, "process.env"),
        ({"linux": {"resources": {"memory": {"limit": "1G"}}}}, "memory.limit: expected a number of bytes"),
        ({"annotations": {"a": 1}}, "annotations: expected an object of strings"),
    ],
)
def test_mistakes_name_the_file_and_the_field(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BundleError) as raised:
        parse(**changes)
    assert str(raised.value).startswith(f"{FOLDER}/config.json: ")
    assert why in str(raised.value)


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_bytes_are_a_bundle_or_one_error(raw: bytes) -> None:
    with contextlib.suppress(BundleError):
        parse_bundle(raw, FOLDER)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"config\.json: cannot be read: No such file"):
        load_bundle(tmp_path)
    (tmp_path / "config.json").write_bytes(b" " * (5 << 20))
    with pytest.raises(BundleError, match="more than 4 MiB"):
        load_bundle(tmp_path)
