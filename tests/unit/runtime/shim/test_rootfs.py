from __future__ import annotations

from pathlib import Path

import pytest

from runtime.api.task_pb2 import Mount
from runtime.shim.rootfs import show_rootfs
from runtime.ttrpc.errors import RpcError


def test_a_bind_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    for source in ("a", "b"):
        (tmp_path / source).mkdir()
        show_rootfs(tmp_path, [Mount(type="bind", source=str(tmp_path / source), options=["ro"])])
        assert (tmp_path / "rootfs").resolve() == tmp_path / source
    show_rootfs(tmp_path, [])
    assert (tmp_path / "rootfs").is_symlink()


def test_what_is_no_bind(tmp_path: Path) -> None:
    for mounts in ([Mount(type="overlay")], [Mount(type="bind", source="/a")] * 2):
        with pytest.raises(RpcError, match="use the LLM snapshotter"):
            show_rootfs(tmp_path, mounts)
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs/x").touch()
    with pytest.raises(RpcError, match=r"rootfs: "):
        show_rootfs(tmp_path, [Mount(type="bind", source="/a")])
