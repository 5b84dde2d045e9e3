from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from bronzewillow.host.membership_options import home_option, join_words, leave_words, said

TOKEN = "abcdef.0123456789abcdef"


def told(words: list[click.Parameter], *arguments: str) -> Result:
    """A command of these words says them again, one a line."""

    @click.command(params=[*words])
    @click.pass_context
    def command(context: click.Context, /, **_: Any) -> None:
        click.echo("\n".join(said(context, words)))

    return CliRunner().invoke(command, arguments)


PASTED = ("10.0.0.1:6443", "--token", TOKEN, "--discovery-token-ca-cert-hash", "sha256:00")
UNPINNED = ("--discovery-token-unsafe-skip-ca-verification",)


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        ((), ()),
        (("10.0.0.1:6443",), ("10.0.0.1:6443",)),
        (("kubeadm", "join", *PASTED), ("10.0.0.1:6443", "--token", TOKEN, "--ca-cert-hash", "sha256:00")),
        (("--token-file=-", *UNPINNED), ("--token-file", "-", "--unsafe-skip-ca-verification")),
        (("--ca-cert-hash=a", "--ca-cert-hash=b"), ("--ca-cert-hash", "a", "--ca-cert-hash", "b")),
        (("--home", "/h", "--server=x", "--print-setup"), ("--server", "x", "--home", "/h", "--print-setup")),
    ],
)
def test_what_is_said_of_joining_is_said_again(arguments: tuple[str, ...], again: tuple[str, ...]) -> None:
    assert tuple(told(join_words(), *arguments).output.split()) == again


def test_what_a_variable_says_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRONZEWILLOW_TOKEN", TOKEN)
    assert told(join_words(), "x").output == "x\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("10.0.0.1:6443", TOKEN, "sha256:00"),
        (f"kubeadm join 10.0.0.1:6443 --token {TOKEN} --discovery-token-ca-cert-hash sha256:00",),
        (f"10.0.0.1:6443 --token {TOKEN}",),
        ("",),
    ],
)
def test_what_is_no_server_is_not_shown_and_the_cure_is_told(arguments: tuple[str, ...]) -> None:
    result = told(join_words(), *arguments)
    assert result.exit_code == 2
    assert "write HOST:PORT --token-file FILE --ca-cert-hash" in result.output
    assert TOKEN not in result.output


def test_what_is_said_of_leaving_is_said_again() -> None:
    assert told(leave_words(), "--force", "--timeout=5").output.split() == ["--timeout", "5.0", "--force"]
    assert told([home_option()], "--home", "/h").output.split() == ["--home", "/h"]
    assert told(leave_words()).output == "\n"
