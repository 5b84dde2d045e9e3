"""`python -m kubelet.static`: the same as `llm-static-pods`."""

from __future__ import annotations

from bronzewillow.host.command import run_command
from kubelet.static.cli import command


def main() -> None:
    """The entry point."""
    run_command("llm-static-pods", command)


if __name__ == "__main__":
    main()
