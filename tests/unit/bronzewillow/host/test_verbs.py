from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bronzewillow.host.verbs import Verbs

MODULE = "import click\n@click.command()\ndef verb() -> None:\n    {what}\n"


def test_only_the_verb_that_is_wanted_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_verbs"
    package.mkdir()
    (package / "zeal.py").write_text(MODULE.format(what="click.echo('zeal')"))
    (package / "amble.py").write_text("raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    group = Verbs("some_verbs", {"zeal": "zeal:verb", "amble": "amble:verb"}, name="x")
    try:
        assert CliRunner().invoke(group, ["zeal"]).output == "zeal\n"
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "some_verbs"]:
            del sys.modules[name]
    context = click.Context(group)
    assert group.list_commands(context) == ["zeal", "amble"]
    assert group.get_command(context, "run") is None
