"""Signals to child processes that asyncio waits for."""

from __future__ import annotations

import asyncio
import contextlib
import os


def send_signal(process: asyncio.subprocess.Process, number: int) -> None:
    """To one that lives, as far as the loop knows; nothing for one that has ended.

    In place of `Process.send_signal`, `terminate` and `kill`, which up to Python 3.12 look by wait(2) whether
    the process has ended: then asyncio's own wait finds nobody, and takes any end for exit code 255.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
