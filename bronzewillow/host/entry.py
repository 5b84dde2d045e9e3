"""Where our programs begin: Ctrl-C ends them in silence while they are still being imported, too."""

from __future__ import annotations

import sys
from importlib import import_module


def run_program(program: str, place: str) -> None:
    """Run the click command at `place`, MODULE:NAME, as `program`; SystemExit when that ends early."""
    try:
        from bronzewillow.host.command import run_command

        module, _, name = place.partition(":")
        command = getattr(import_module(module), name)
    except KeyboardInterrupt:
        sys.exit(130)
    run_command(program, command)
