from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kubelet.cli import cli
from kubelet.eviction_options import OptionError, settings_of
from kubelet.model.thresholds import EvictionSettings, Signal


def test_nothing_given_is_a_kubelets_defaults() -> None:
    assert settings_of("", "", "", "", 0, "5m") == EvictionSettings()


def test_what_is_given_is_read() -> None:
    settings = settings_of("memory.available<2Gi", "", "", "", 0, "30s")
    assert (settings.thresholds[0].signal, settings.thresholds[0].least.units) == (Signal.MEMORY, 2 << 30)
    assert settings.transition == 30_000_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--eviction-hard", "memory<1Gi"], "--eviction-hard: there is no signal 'memory'"),
        (["--eviction-pressure-transition-period", "soon"], "--eviction-pressure-transition-period: 'soon'"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(OptionError):
        settings_of("memory<1Gi", "", "", "", 0, "5m")
    result = CliRunner().invoke(cli, ["run", "--home", str(tmp_path), *arguments])
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output
