from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.marks import Mark, marks

SOURCE = """
import nothing_that_exists

@pytest.mark.slow
@pytest.mark.rfc("9293:MUST-2", "5961:3.2")
def test_one() -> None: ...

@pytest.mark.case("case-1")
async def test_two() -> None: ...
"""


def tree(root: Path, source: str) -> Path:
    (root / "tests" / "deep").mkdir(parents=True)
    (root / "tests" / "deep" / "test_some.py").write_text(source)
    return root


def test_marks_are_read_without_importing(tmp_path: Path) -> None:
    root = tree(tmp_path, SOURCE)
    where = "tests/deep/test_some.py"
    assert marks(root, "rfc") == [Mark("5961:3.2", where, "test_one"), Mark("9293:MUST-2", where, "test_one")]
    assert marks(root, "case") == [Mark("case-1", where, "test_two")]
    assert marks(root, "case")[0].link == "[test_two](../tests/deep/test_some.py)"


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"test_some.py: test_it: not a text: NAME"):
        marks(tree(tmp_path, "@pytest.mark.rfc(NAME)\ndef test_it() -> None: ..."), "rfc")
