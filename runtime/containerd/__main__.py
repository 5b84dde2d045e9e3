"""`llm-snapshotter`."""

from __future__ import annotations

from bronzewillow.host.command import run_command
from runtime.containerd.cli import command


def main() -> None:
    """The entry point; leaves by SystemExit."""
    run_command("llm-snapshotter", command)


if __name__ == "__main__":
    main()
