"""llm-kubelet as another program, which it is: run to its end, or become. It speaks in our name.

A token on the command line can be read by every user of the machine, for as long as the process has it there.
It goes into a pipe before the other program takes over, which reads it as a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bronzewillow.host.command import CALLED_AS, CommandError

_PROGRAM = "llm-kubelet"
_TOKEN = "--token"
_US = "bronzewillow"


def become(verb: str, arguments: Sequence[str]) -> None:
    """Does not return. CommandError."""
    program = find_kubelet()
    words, _ = _words(verb, arguments)
    sys.stdout.flush()
    os.execve(program, words, _environment())


def run_kubelet_verb(verb: str, arguments: Sequence[str]) -> int:
    """Its exit code; it speaks for itself. CommandError."""
    program = find_kubelet()
    words, pipe = _words(verb, arguments)
    try:
        done = subprocess.run(words, executable=program, pass_fds=pipe, env=_environment(), check=False)
    finally:
        for descriptor in pipe:
            os.close(descriptor)
    return done.returncode


def without_token(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """The arguments without `--token VALUE` and `--token=VALUE`, and the last value."""
    others: list[str] = []
    token = None
    rest = iter(arguments)
    for argument in rest:
        name, separator, value = argument.partition("=")
        if name != _TOKEN:
            others.append(argument)
        elif separator:
            token = value
        elif (token := next(rest, None)) is None:
            others.append(argument)  # for llm-kubelet to say that its value is missing
    return others, token


def find_kubelet() -> Path:
    """Beside this program, where one installation puts both; else on the PATH. CommandError."""
    beside = Path(sys.argv[0]).absolute().with_name(_PROGRAM)
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which(_PROGRAM)
    if found is None:
        raise CommandError(
            f"{_PROGRAM}: not found beside this program, nor on the PATH; install bronzewillow anew"
        )
    return Path(found)


def _environment() -> dict[str, str]:
    return {**os.environ, CALLED_AS: _US}


def _words(verb: str, arguments: Sequence[str]) -> tuple[list[str], tuple[int, ...]]:
    """What it is told, and the descriptor that it reads a token from, if there is one."""
    others, token = without_token(arguments)
    if token is None:
        return [_PROGRAM, verb, *others], ()
    pipe = _readable(token)
    return [_PROGRAM, verb, *others, "--token-file", f"/dev/fd/{pipe}"], (pipe,)


def _readable(text: str) -> int:
    """A descriptor that the next program inherits, and that gives `text` once."""
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    os.write(writer, text.encode()[:4096])  # a pipe takes so much without a reader
    os.close(writer)
    return reader
