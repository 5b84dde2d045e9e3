from __future__ import annotations

from pathlib import Path

import pytest

from runtime.shim.exit_record import ExitRecord, read_exit, write_exit


def test_it_comes_back(tmp_path: Path) -> None:
    assert read_exit(tmp_path) is None
    record = ExitRecord(137, 1_700_000_000_123_456_789, True)
    write_exit(tmp_path, record)
    assert read_exit(tmp_path) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        *(f'{{"status": {one}, "at_ns": 1, "is_oom": false}}' for one in ('"x"', "1e999")),
    ],
)
def test_what_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "exit.json").write_text(text)
    assert read_exit(tmp_path) is None
