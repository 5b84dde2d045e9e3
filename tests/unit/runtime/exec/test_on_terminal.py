from __future__ import annotations

import os
import subprocess
import sys

from runtime.exec import on_terminal


def spawned(*command: str) -> tuple[int, bytes]:
    ours, theirs = os.openpty()
    words = [sys.executable, "-I", "-S", on_terminal.__file__, *command]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = b""
    try:
        while data := os.read(ours, 1000):
            said += data
    except OSError:
        pass
    os.close(ours)
    return process.wait(), said


def test_the_terminal_controls_the_session() -> None:
    code, said = spawned("sh", "-c", "test -t 0 && echo yes > /dev/tty; exit 5")
    assert (code, said) == (5, b"yes\r\n")


def test_a_program_that_is_not_there() -> None:
    code, said = spawned("/none/x")
    assert (code, said) == (on_terminal.NOT_FOUND, b"/none/x: No such file or directory\r\n")
    assert spawned("/")[0] == on_terminal.NOT_RUN
