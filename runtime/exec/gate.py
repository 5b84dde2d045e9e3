"""Run as a file: waits until it is let through, and becomes a program, on pipes or on a terminal.

    python gate.py DESCRIPTOR pipes|terminal PROGRAM [ARGUMENT...]

A byte on the descriptor lets it through; the descriptor's end, which is that of whoever made us, ends us. So
no program runs before it is noted where a successor of a killed runtime finds it. subprocess has nothing for
that, nor for the terminal that controls a session, but a function between fork and exec, which is unsafe
beside gRPC's threads.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios

PIPES, TERMINAL = "pipes", "terminal"
NOT_FOUND, NOT_RUN = 127, 126


def main(descriptor: int, kind: str, command: list[str]) -> None:
    """SystemExit with a shell's codes."""
    if not os.read(descriptor, 1):
        sys.exit(NOT_RUN)
    os.close(descriptor)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and no program expects to be
        signal.signal(number, signal.SIG_DFL)
    if kind == TERMINAL:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
