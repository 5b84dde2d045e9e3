"""`python -m kubelet.static`: the same as `llm-static-pods`."""

from __future__ import annotations

from bronzewillow.host.entry import run_program


def main() -> None:
    """The entry point."""
    run_program("llm-static-pods", "kubelet.static.cli:command")


if __name__ == "__main__":
    main()
