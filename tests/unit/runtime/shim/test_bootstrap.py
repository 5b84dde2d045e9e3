from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.shim.bootstrap import group_of, is_alive, shim_socket


def test_containers_of_one_pod_have_one_shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert group_of(tmp_path, "one") == "one"
    (tmp_path / "config.json").write_text(
        json.dumps({"annotations": {"io.kubernetes.cri.sandbox-id": "pod"}})
    )
    assert group_of(tmp_path, "one") == "pod"
    (tmp_path / "config.json").write_text("[]")
    assert group_of(tmp_path, "one") == "one"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert shim_socket("a", "/c", "x") == shim_socket("a", "/c", "x")
    assert len({shim_socket(*words) for words in (("a", "/c", "x"), ("b", "/c", "x"), ("a", "/d", "x"))}) == 3


def test_nobody_is_there(tmp_path: Path) -> None:
    assert not is_alive(tmp_path / "none")
