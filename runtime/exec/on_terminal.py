"""Run as a file: makes standard input the terminal that controls this session, and becomes a program.

    python on_terminal.py PROGRAM [ARGUMENT...]

subprocess has nothing for it but a function between fork and exec, which is unsafe beside gRPC's threads.
"""

from __future__ import annotations

import fcntl
import os
import sys
import termios

NOT_FOUND, NOT_RUN = 127, 126


def main(command: list[str]) -> None:
    """SystemExit with a shell's codes."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN)


if __name__ == "__main__":
    main(sys.argv[1:])
