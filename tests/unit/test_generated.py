"""What is checked in as made is what makes it: protoc of the interfaces, pages of the marks of tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bronzewillow.testing import commands_page, rfc_coverage, tcp_cases
from bronzewillow.testing.marks import marks

ROOT = Path(__file__).parents[2]
API = Path("runtime/api")


@pytest.mark.loopback
def test_the_generated_code_is_that_of_the_interfaces(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = [line for line in makefile.splitlines() if "grpc_tools.protoc" in line and "_out" in line][:1]
    assert "--pyi_out=." in recipe
    for name in sorted(path.stem for path in (ROOT / API).glob("*.proto")):
        has_service = (ROOT / API / f"{name}_pb2_grpc.py").exists()
        outs = ["python_out", "pyi_out", *(["grpc_python_out"] if has_service else [])]
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *(f"--{out}={tmp_path}" for out in outs)]
        subprocess.run([*command, str(API / f"{name}.proto")], cwd=ROOT, check=True)
    made = sorted(path.relative_to(tmp_path) for path in (tmp_path / API).iterdir())
    assert made
    for path in made:
        assert (tmp_path / path).read_text() == (ROOT / path).read_text(), f"{path}: run make protos"


def test_the_page_of_rfc_coverage_is_what_the_labels_say() -> None:
    shown = rfc_coverage.labels(ROOT)
    assert rfc_coverage.problems(shown) == []
    assert (ROOT / rfc_coverage.PAGE).read_text() == rfc_coverage.render(shown), "run make rfc-coverage"


def test_the_page_of_hard_cases_is_what_the_marks_say() -> None:
    found = marks(ROOT, "case")
    assert tcp_cases.problems(found) == []
    assert (ROOT / tcp_cases.PAGE).read_text() == tcp_cases.render(found), "run make rfc-coverage"


def test_the_page_of_commands_is_what_the_programs_say() -> None:
    assert (ROOT / commands_page.PAGE).read_text() == commands_page.render(), "run make commands"
