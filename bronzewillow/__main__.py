"""`bronzewillow`: the command line of a node."""

from __future__ import annotations

from bronzewillow.host.entry import run_program


def main() -> None:
    """The entry point; leaves by SystemExit."""
    run_program("bronzewillow", "bronzewillow.cli:cli")


if __name__ == "__main__":
    main()
