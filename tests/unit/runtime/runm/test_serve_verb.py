from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.runm.cli import cli
from runtime.runm.serve_config import ServeConfig


def test_hosts_that_are_allowed_and_those_of_registries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[ServeConfig] = []

    async def served(config: ServeConfig) -> None:
        asked.append(config)

    monkeypatch.setattr("runtime.runm.serve_verb.serve", served)
    arguments = ["serve", "--engine", "echo", "--listen", f"unix:{tmp_path}/s", "--hosts", str(tmp_path)]
    result = CliRunner().invoke(cli, [*arguments, "--allow-host", "a.example", "--allow-host", "b.example"])
    assert result.exit_code == 0, result.output
    assert asked[0].hosts == ("a.example", "b.example")
