from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing import tcp_cases
from bronzewillow.testing.marks import Mark
from bronzewillow.testing.tcp_cases import CASES, PAGE, REPORTS, problems, render

ALL = [Mark(name, "tests/test_all.py", "test_all") for name in (*CASES, *REPORTS)]


def test_every_case_wants_a_test() -> None:
    assert problems(ALL) == []
    assert problems(ALL[1:]) == ["case-1 has no test"]
    assert problems([*ALL, Mark("case-99", "tests/test_all.py", "test_x")]) == ["there is no case-99"]


def test_the_numbers_have_no_gap() -> None:
    assert list(CASES) == [f"case-{n}" for n in range(1, 26)]
    assert list(REPORTS) == [f"report-{n}" for n in range(1, 33)]


def test_rows_link_the_tests_and_the_reports() -> None:
    page = render(ALL)
    assert page.count("[test_all](../tests/test_all.py)") == len(ALL)
    assert all(f"]({url})" in page for url, _ in REPORTS.values())


def test_it_is_written_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="case-1 has no test"):
        tcp_cases.main()
    monkeypatch.setattr(tcp_cases, "marks", lambda root, marker: ALL)
    tcp_cases.main()
    assert (tmp_path / PAGE).read_text() == render(ALL)
