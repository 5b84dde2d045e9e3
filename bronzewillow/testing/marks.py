"""Which tests carry a marker with a text, `@pytest.mark.rfc("9293:MUST-14")`, read without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One marker of one test."""

    text: str
    path: str
    """Relative to the root."""
    test: str

    @property
    def link(self) -> str:
        """For a page in docs/."""
        return f"[{self.test}](../{self.path})"


def marks(root: Path, marker: str) -> list[Mark]:
    """All of the tests below `root`, sorted. ValueError for one whose argument is no text."""
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                where = str(path.relative_to(root))
                found += [Mark(text, where, node.name) for text in _texts_of(node, marker, where)]
    return sorted(found)


def _texts_of(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, marker: str, where: str
) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{marker}":
            for argument in decorator.args:
                text = argument.value if isinstance(argument, ast.Constant) else None
                if not isinstance(text, str):
                    raise ValueError(f"{where}: {node.name}: not a text: {ast.unparse(argument)}")
                yield text
