from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.testing.gguf import emit_gguf, random_tensor
from runtime.runm.cli import cli

Runm = Callable[..., str]
TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}


MODELFILE = """FROM tiny.gguf
SYSTEM be brief
PARAMETER stop a
PARAMETER num_ctx 64
TEMPLATE {{ .Prompt }}
MESSAGE user hi
LICENSE free
"""


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(emit_gguf({"general.architecture": "llama"}, TENSORS))
    return path


@pytest.fixture
def runm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runm:
    """Runs a verb in this process; what it printed, or what it raised."""
    monkeypatch.setenv("RUNM_STORE", str(tmp_path / "images"))
    monkeypatch.setenv("RUNM_HOSTS", str(tmp_path / "certs.d"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> str:
        result = CliRunner().invoke(cli, arguments, input=stdin, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return run


@pytest.fixture
def image(runm: Runm, gguf: Path, tmp_path: Path) -> str:
    """The digest of the image `tiny`, of MODELFILE."""
    (tmp_path / "Modelfile").write_text(MODELFILE)
    return runm("create", "tiny").partition("@")[2].strip()
