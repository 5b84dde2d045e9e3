"""setup.py with a compiler that fails: the package still builds, unless the compiled kernel is required."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bronzewillow.wire import _kernel

ROOT = Path(str(_kernel.__file__)).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="not run from a source tree"),
]


def build(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    wire = tmp_path / "bronzewillow" / "wire"
    wire.mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("__init__.py", "wire/__init__.py", "wire/_kernel.py", "wire/_native.pxd"):
        shutil.copy(ROOT / "bronzewillow" / name, tmp_path / "bronzewillow" / name)
    return subprocess.run(
        [sys.executable, "setup.py", "build_ext", "--inplace"],
        cwd=tmp_path,
        env={**os.environ, "BRONZEWILLOW_PURE": "", "BRONZEWILLOW_REQUIRE_NATIVE": "", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def built(tmp_path: Path) -> list[str]:
    return [
        path.name for path in (tmp_path / "bronzewillow" / "wire").iterdir() if path.suffix in (".so", ".pyd")
    ]


def test_without_a_compiler(tmp_path: Path) -> None:
    done = build(tmp_path, CC="/nonexistent/cc")
    assert done.returncode == 0, done.stderr
    assert 'building extension "bronzewillow.wire._native" failed' in done.stdout + done.stderr
    assert not built(tmp_path)


def test_without_a_compiler_where_it_is_required(tmp_path: Path) -> None:
    done = build(tmp_path, CC="/nonexistent/cc", BRONZEWILLOW_REQUIRE_NATIVE="1")
    assert done.returncode != 0
    assert not built(tmp_path)


def test_pure(tmp_path: Path) -> None:
    done = build(tmp_path, BRONZEWILLOW_PURE="1", BRONZEWILLOW_REQUIRE_NATIVE="1")
    assert done.returncode == 0, done.stderr
    assert not built(tmp_path)
