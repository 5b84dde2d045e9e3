from __future__ import annotations

import os
import subprocess
import sys

from runtime.exec import gate


def spawned(*command: str) -> tuple[int, bytes]:
    ours, theirs = os.openpty()
    entrance, latch = os.pipe()
    words = [sys.executable, "-I", "-S", gate.__file__, str(entrance), gate.TERMINAL, *command]
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, pass_fds=(entrance,)
    )
    os.close(theirs)
    os.close(entrance)
    os.write(latch, b"+")
    os.close(latch)
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
    assert (code, said) == (gate.NOT_FOUND, b"/none/x: No such file or directory\r\n")
    assert spawned("/")[0] == gate.NOT_RUN


def test_it_ends_with_whoever_would_have_let_it_through() -> None:
    entrance, latch = os.pipe()
    words = [sys.executable, "-I", "-S", gate.__file__, str(entrance), gate.PIPES, "echo", "let through"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, pass_fds=(entrance,))
    os.close(entrance)
    os.close(latch)
    assert (process.communicate()[0], process.wait()) == (b"", gate.NOT_RUN)


def test_the_program_does_not_see_the_gate() -> None:
    entrance, latch = os.pipe()
    script = f"test ! -e /dev/fd/{entrance} && echo closed"
    words = [sys.executable, "-I", "-S", gate.__file__, str(entrance), gate.PIPES, "sh", "-c", script]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, pass_fds=(entrance,))
    os.close(entrance)
    os.write(latch, b"+")
    assert (process.communicate()[0], process.wait()) == (b"closed\n", 0)
    os.close(latch)
