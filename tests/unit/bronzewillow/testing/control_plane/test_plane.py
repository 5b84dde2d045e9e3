from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.kube.kubeconfig import load_kubeconfig
from bronzewillow.testing.control_plane.plane import ControlPlane, control_plane

pytestmark = pytest.mark.loopback


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)


def test_a_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin/nowhere")
    with pytest.raises(RuntimeError, match="etcd: there is no such program in"), control_plane(tmp_path):
        pass


def test_a_program_that_ends_is_quoted(tmp_path: Path) -> None:
    program(tmp_path, "etcd", "exec sleep 60")
    program(tmp_path, "kube-apiserver", "echo no such flag; exit 1")
    with pytest.raises(RuntimeError, match="kube-apiserver does not serve"), control_plane(tmp_path):
        pass


def test_its_files_are_for_their_owner_and_fit_together(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path, tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    access = load_kubeconfig(plane.layout.kubeconfig)
    assert access.cluster == plane.cluster
