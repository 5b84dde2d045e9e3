"""`llm-snapshotter`."""

from __future__ import annotations

from bronzewillow.host.entry import run_program


def main() -> None:
    """The entry point; leaves by SystemExit."""
    run_program("llm-snapshotter", "runtime.containerd.cli:command")


if __name__ == "__main__":
    main()
