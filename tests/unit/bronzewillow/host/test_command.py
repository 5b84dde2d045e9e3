"""How a command ends: exit codes, and errors in lines with the program's name."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from bronzewillow.host.command import CommandError, log_to_stderr, run_command

TALKS = """
import click
from bronzewillow.host.command import run_command

@click.command()
def talk():
    while True:
        click.echo("again")

run_command("tool", talk)
"""


def ended(body: Callable[[], None], arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command `tool` that does `body`; its exit code."""
    monkeypatch.setattr("sys.argv", ["tool", *arguments])
    command = click.command()(click.option("--size", type=int)(lambda size: body()))
    try:
        run_command("tool", command)
    except SystemExit as ending:
        assert isinstance(ending.code, int)
        return ending.code
    return 0


def fail(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def test_success_is_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(lambda: None, [], monkeypatch) == 0
    assert capsys.readouterr() == ("", "")


def test_every_line_of_an_error_has_the_programs_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(fail(CommandError("a.toml:1: wrong\na.toml:2: wrong too")), [], monkeypatch) == 1
    assert capsys.readouterr().err == "tool: a.toml:1: wrong\ntool: a.toml:2: wrong too\n"


@pytest.mark.parametrize("arguments", [["--size", "x"], ["--sise", "1"], ["surplus"]])
def test_wrong_usage_is_two(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(lambda: None, arguments, monkeypatch) == 2
    err = capsys.readouterr().err
    assert err.startswith("tool: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left"), "tool: standard output: No space left\n"),
        (OSError(28, "No space left", "/f"), "tool: /f: No space left\n"),
        (OSError("folder /f is owned by uid 1"), "tool: folder /f is owned by uid 1\n"),
    ],
)
def test_an_error_of_the_system_is_one_line(
    error: OSError, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(fail(error), [], monkeypatch) == 1
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_130(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(fail(error), [], monkeypatch) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_has_gone_is_141() -> None:
    # A process of its own: the interpreter flushes once more as it ends, and may complain then.
    with subprocess.Popen(
        [sys.executable, "-c", TALKS], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"again\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_a_command_that_exits_by_itself_keeps_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(fail(SystemExit(7)), [], monkeypatch) == 7


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        ended(fail(ZeroDivisionError()), [], monkeypatch)


def test_logs_are_lines_with_their_module(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    log_to_stderr("warning")
    logging.getLogger("bronzewillow.x").info("hidden")
    logging.getLogger("bronzewillow.x").warning("shown")
    err = capsys.readouterr().err
    assert err.endswith("WARNING bronzewillow.x: shown\n")
    assert err.count("\n") == 1


def test_no_arguments_is_the_help_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tool"])
    with pytest.raises(SystemExit, match="2"):
        run_command("tool", click.Group(help="All of it.", commands=[click.Command("part")]))
    assert capsys.readouterr().err.startswith("Usage: tool [OPTIONS] COMMAND [ARGS]...\n")
