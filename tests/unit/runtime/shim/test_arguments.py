from __future__ import annotations

from pathlib import Path

import pytest

from runtime.shim.arguments import Arguments, parse_arguments


def test_as_containerd_calls_it() -> None:
    words = "-namespace default -address /run/c.sock -publish-binary /usr/bin/containerd -id a start"
    assert parse_arguments(words.split()) == Arguments("start", "default", "a", Path(), "/run/c.sock")
    words = "-namespace default -address=/run/c.sock -id a -bundle /b -debug delete"
    assert parse_arguments(words.split()) == Arguments(
        "delete", "default", "a", Path("/b"), "/run/c.sock", debug=True
    )
    assert parse_arguments(["-v"]).version


@pytest.mark.parametrize("words", [[], ["start"], ["-id", "a", "dance"], ["-x"]])
def test_mistakes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_arguments(words)
    assert raised.value.code == 2
    assert "containerd-shim-runm-v2: error: " in capsys.readouterr().err
