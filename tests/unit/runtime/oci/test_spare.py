"""What becomes of a process that was made before its container."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runtime.oci import lifecycle
from runtime.oci.errors import BundleError
from runtime.oci.spare import Spare
from runtime.oci.state import ContainerFolder, Status

pytestmark = pytest.mark.loopback


def bundle(folder: Path) -> Path:
    (folder / "rootfs").mkdir(parents=True)
    config = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": ["--colour"]}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_it_becomes_a_container_and_writes_where_that_writes(tmp_path: Path) -> None:
    spare = Spare(tmp_path / "root")
    reader, writer = os.pipe()
    process = lifecycle.create(tmp_path / "root", "one", bundle(tmp_path / "b"), writer, writer, spare)
    os.close(writer)
    assert process is spare.process
    assert lifecycle.state(tmp_path / "root", "one").status is Status.CREATED
    lifecycle.start(tmp_path / "root", "one")
    with os.fdopen(reader, "rb") as output:
        assert b"No such option '--colour'" in output.read()
    assert process.wait(60) == 2
    lifecycle.delete(tmp_path / "root", "one")


def test_it_ends_when_nobody_wants_it(tmp_path: Path) -> None:
    spare = Spare(tmp_path)
    spare.end()
    assert spare.process.returncode is not None


def test_it_ends_in_order_with_whoever_made_it(tmp_path: Path) -> None:
    spare = Spare(tmp_path)
    spare._channel.close()
    assert spare.process.wait(60) == 0


def test_one_that_has_died_is_told(tmp_path: Path) -> None:
    spare = Spare(tmp_path / "root")
    spare.process.kill()
    spare.process.wait(60)
    with pytest.raises(BundleError, match="'one' ended with -9 before it could be started"):
        lifecycle.create(tmp_path / "root", "one", bundle(tmp_path / "b"), spare=spare)
    assert list(ContainerFolder.all(tmp_path / "root")) == []
