"""`runm` and `python -m runtime.runm`."""

from __future__ import annotations

from runtime.runm.cli import main

if __name__ == "__main__":
    main()
