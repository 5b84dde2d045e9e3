"""`llm-kubelet`."""

from __future__ import annotations

from bronzewillow.host.entry import run_program


def main() -> None:
    """The entry point; leaves by SystemExit."""
    run_program("llm-kubelet", "kubelet.cli:cli")


if __name__ == "__main__":
    main()
