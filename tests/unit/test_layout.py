"""The house's layout, checked: tests mirror the packages, files are small, there are no drawers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bronzewillow", "runtime", "kubelet")
MIRROR = ROOT / "tests" / "unit"
LINES_CEILING = 500
DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc"}
GENERATED = ("_pb2", "_pb2_grpc")
VAGUE_CLASSES = ("Manager", "Handler", "Helper")


def sources(*folders: str) -> Iterator[Path]:
    """All Python files below `folders`, relative to the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)


def is_mirrored(module: Path) -> bool:
    """Whether a module needs a test file: not entry points, re-exports, or generated code."""
    if module.stem in ("__init__", "__main__"):
        return False
    return not module.stem.endswith(GENERATED)


def test_file_of(module: Path) -> Path:
    """`bronzewillow/wire/tcp.py` -> `tests/unit/bronzewillow/wire/test_tcp.py`, relative to the root."""
    return Path("tests") / "unit" / module.parent / f"test_{module.name}"


test_file_of.__test__ = False  # type: ignore[attr-defined]


def test_every_module_has_a_test_file() -> None:
    missing = [
        f"{module} has no {test_file_of(module)}"
        for module in sources(*PACKAGES)
        if is_mirrored(module) and not (ROOT / test_file_of(module)).exists()
    ]
    assert not missing, "\n".join(missing)


def test_every_test_file_has_a_module() -> None:
    known = {test_file_of(module) for module in sources(*PACKAGES)}
    orphans = [
        str(path)
        for package in PACKAGES
        for path in sources(f"tests/unit/{package}")
        if path.name != "conftest.py" and path not in known
    ]
    assert not orphans, "\n".join(orphans)


def test_every_test_file_has_a_test() -> None:
    empty = [
        str(path)
        for path in sources("tests")
        if path.name.startswith("test_") and not any(_tests(ast.parse((ROOT / path).read_text())))
    ]
    assert not empty, "\n".join(empty)


def test_files_are_small() -> None:
    long = [
        f"{path}: {count} lines"
        for path in sources(*PACKAGES, "tests", "benchmarks")
        if not path.stem.endswith(GENERATED)
        and (count := len((ROOT / path).read_text().splitlines())) > LINES_CEILING
    ]
    assert not long, "\n".join(long)


def test_no_drawers() -> None:
    drawers = [
        str(path)
        for path in sources(*PACKAGES, "tests", "benchmarks")
        if DRAWERS & {part.removesuffix(".py").removeprefix("test_") for part in path.parts}
    ]
    assert not drawers, "\n".join(drawers)


def test_no_class_is_named_for_nothing() -> None:
    vague = [
        f"{path} {name}"
        for path in sources(*PACKAGES, "tests", "benchmarks")
        for name in re.findall(r"^\s*class (\w+)", (ROOT / path).read_text("utf-8"), re.MULTILINE)
        if name.endswith(VAGUE_CLASSES)
    ]
    assert not vague, "\n".join(vague)


def test_init_files_hold_a_docstring_and_re_exports() -> None:
    full = [
        f"{path}:{node.lineno}"
        for path in sources(*PACKAGES)
        if path.name == "__init__.py"
        for node in ast.parse((ROOT / path).read_text()).body
        if not _may_stand_in_init(node)
    ]
    assert not full, "\n".join(full)


def test_tests_are_no_packages() -> None:
    assert [str(path) for path in sources("tests") if path.name == "__init__.py"] == []


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("bronzewillow/wire/tcp.py", True),
        ("bronzewillow/wire/__init__.py", False),
        ("runtime/api/cri_pb2.py", False),
        ("runtime/cri/api_pb2.py", False),
    ],
)
def test_what_is_mirrored(module: str, expected: bool) -> None:
    assert is_mirrored(Path(module)) is expected


def _tests(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node
        if isinstance(node, ast.Assign | ast.AnnAssign):  # a Hypothesis state machine's TestCase
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id.startswith("Test") for target in targets):
                yield node


def _may_stand_in_init(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.Assign) and all(
        isinstance(target, ast.Name) and target.id.startswith("__") for target in node.targets
    )
