from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.supervise.node import UpOptions
from bronzewillow.supervise.up_verb import up


def test_wrong_words(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[overlay]\nvni = 1\n")
    for words, said in (
        (["--manifests", str(tmp_path / "none")], "none: is no folder; make it"),
        (["--config", str(tmp_path / "none.toml")], "none.toml: cannot be read"),
        (["--config", str(tmp_path / "bad.toml")], "bad.toml:1: overlay.address: is missing"),
        (["--root", str(tmp_path / "bad.toml")], "bad.toml"),
    ):
        result = CliRunner().invoke(up, words)
        assert result.exit_code == 1, words
        assert said in result.output


def test_words_become_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[UpOptions] = []

    async def remember(options: UpOptions, tell: object) -> None:
        seen.append(options)

    monkeypatch.setattr("bronzewillow.supervise.node_words.run_node", remember)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("pods").mkdir()
    assert CliRunner().invoke(up, ["--manifests", "pods", "--keep-pods", "--node-name", "m"]).exit_code == 0
    assert seen == [UpOptions(None, tmp_path / "pods", True, "m", "info")]
