from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing import rfc_coverage
from bronzewillow.testing.rfc9293 import DEVIATIONS, REQUIREMENTS
from bronzewillow.testing.rfc_coverage import PAGE, Shown, labels, problems, render

COMPLETE = [Shown(9293, name, "tests/test_all.py", "test_all") for name in REQUIREMENTS]


def tree(root: Path, *decorators: str) -> Path:
    (root / "tests").mkdir()
    source = "\n".join((*decorators, "def test_it() -> None: ..."))
    (root / "tests" / "test_some.py").write_text(source)
    return root


def test_labels_are_read_without_importing(tmp_path: Path) -> None:
    root = tree(
        tmp_path, "@pytest.mark.slow", '@pytest.mark.rfc("5961:3.2")', '@pytest.mark.rfc("9293:MUST-2")'
    )
    assert labels(root) == [
        Shown(5961, "3.2", "tests/test_some.py", "test_it"),
        Shown(9293, "MUST-2", "tests/test_some.py", "test_it"),
    ]


@pytest.mark.parametrize("label", ["'MUST-14'", "9293", "name"])
def test_what_is_no_label(tmp_path: Path, label: str) -> None:
    with pytest.raises(ValueError, match=r"tests/test_some.py: test_it: not a label"):
        labels(tree(tmp_path, f"@pytest.mark.rfc({label})"))


def test_a_requirement_without_a_test_needs_a_reason() -> None:
    assert problems(COMPLETE) == []
    without = [label for label in COMPLETE if label.requirement not in ("MUST-2", *DEVIATIONS)]
    assert problems(without) == ["MUST-2 (a sender computes the checksum) has neither a test nor a reason"]


def test_a_label_that_the_rfc_does_not_know() -> None:
    odd = Shown(9293, "MUST-99", "tests/test_all.py", "test_all")
    section = Shown(9293, "3.10.4", "tests/test_all.py", "test_all")
    assert problems([*COMPLETE, odd, section]) == ["RFC 9293 has no MUST-99"]


def test_sections_are_in_their_order() -> None:
    page = render([*COMPLETE, *(Shown(1, name, "tests/t.py", "test_x") for name in ("10.1", "2", "9.3"))])
    assert page.index("| 2 |") < page.index("| 9.3 |") < page.index("| 10.1 |")
    assert "[test_x](../tests/t.py)" in page


def test_it_is_written_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tree(tmp_path))
    with pytest.raises(SystemExit, match="MUST-2 "):
        rfc_coverage.main()
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(rfc_coverage, "problems", lambda shown: [])
    rfc_coverage.main()
    assert (tmp_path / PAGE).read_text() == render([])
