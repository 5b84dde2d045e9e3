"""Tables of docs/benchmarks.md that their benchmark writes itself, each between two comments that name it."""

from __future__ import annotations

from pathlib import Path

PAGE = Path("docs/benchmarks.md")
FIGURES = Path("docs/figures")
"""Pictures, and the figures that they were drawn from."""


def put(name: str, text: str, page: Path = PAGE) -> None:
    """Let `text` stand between `<!-- NAME -->` and `<!-- end of NAME -->`. ValueError where they are not."""
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = page.read_text().partition(first)
    _, also_found, after = rest.partition(last)
    if not found or not also_found:
        raise ValueError(
            f"{page}: no place for {name}: put {first.strip()} and {last.strip()} on lines of their own"
        )
    page.write_text(f"{before}{first}\n{text.strip()}\n\n{last}{after}")
