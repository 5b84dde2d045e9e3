"""`llm-kubelet`."""

from __future__ import annotations

from bronzewillow.host.command import run_command
from kubelet.cli import cli


def main() -> None:
    """The entry point; leaves by SystemExit."""
    run_command("llm-kubelet", cli)


if __name__ == "__main__":
    main()
