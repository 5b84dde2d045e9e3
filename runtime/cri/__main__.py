"""`llm-containerd`."""

from __future__ import annotations

from bronzewillow.host.command import run_command
from runtime.cri.cli import command


def main() -> None:
    """The entry point; leaves by SystemExit."""
    run_command("llm-containerd", command)


if __name__ == "__main__":
    main()
