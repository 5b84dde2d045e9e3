"""Where a program of the node is, and what it is told."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.supervise.errors import UpError


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the node: its name, and how it is started."""

    name: str
    """In the log."""
    command: tuple[str, ...]
    ready_limit_s: float | None = 60.0
    """So long may it take until it is ready; None for as long as others make it wait."""
    prepare: Callable[[], object] = tuple
    """Called before each start; OSError."""


def find_program(script: str) -> str:
    """Beside the Python that runs us, where an installation puts it, else in PATH. UpError."""
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which(script, path=folders)
    if found is None:
        raise UpError(f"{script}: is neither beside {sys.executable} nor in PATH; install bronzewillow anew")
    return found
