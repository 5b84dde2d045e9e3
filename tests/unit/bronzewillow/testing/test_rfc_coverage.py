from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing import rfc_coverage
from bronzewillow.testing.marks import Mark
from bronzewillow.testing.rfc9293 import DEVIATIONS, REQUIREMENTS
from bronzewillow.testing.rfc_coverage import PAGE, Shown, labels, problems, render

MARK = Mark("", "tests/test_all.py", "test_all")
COMPLETE = [Shown(9293, name, MARK) for name in REQUIREMENTS]


def tree(root: Path, *decorators: str) -> Path:
    (root / "tests").mkdir()
    source = "\n".join((*decorators, "def test_it() -> None: ..."))
    (root / "tests" / "test_some.py").write_text(source)
    return root


def test_labels_are_read_without_importing(tmp_path: Path) -> None:
    root = tree(
        tmp_path, "@pytest.mark.slow", '@pytest.mark.rfc("5961:3.2")', '@pytest.mark.rfc("9293:MUST-2")'
    )
    assert [(label.rfc, label.requirement, label.mark.test) for label in labels(root)] == [
        (5961, "3.2", "test_it"),
        (9293, "MUST-2", "test_it"),
    ]


@pytest.mark.parametrize("label", ["'MUST-14'", "'9293'", "':'"])
def test_what_is_no_label(tmp_path: Path, label: str) -> None:
    with pytest.raises(ValueError, match=r"tests/test_some.py: test_it: not a label"):
        labels(tree(tmp_path, f"@pytest.mark.rfc({label})"))


def test_a_requirement_without_a_test_needs_a_reason() -> None:
    assert problems(COMPLETE) == []
    without = [label for label in COMPLETE if label.requirement not in ("MUST-2", *DEVIATIONS)]
    assert problems(without) == ["MUST-2 (a sender computes the checksum) has neither a test nor a reason"]


def test_a_label_that_the_rfc_does_not_know() -> None:
    odd = Shown(9293, "MUST-99", MARK)
    section = Shown(9293, "3.10.4", MARK)
    assert problems([*COMPLETE, odd, section]) == ["RFC 9293 has no MUST-99"]


def test_sections_are_in_their_order() -> None:
    page = render([*COMPLETE, *(Shown(1, name, MARK) for name in ("10.1", "2", "9.3"))])
    assert page.index("| 2 |") < page.index("| 9.3 |") < page.index("| 10.1 |")
    assert "[test_all](../tests/test_all.py)" in page


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
