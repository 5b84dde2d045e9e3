"""What a pod's status goes through, compared with what was read and found right.

Each `<name>.toml` has its trace in `<name>.txt`; `UPDATE_SNAPSHOTS=1` writes them anew, for reading.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubelet.testing.scenario import run_scenario

SCENARIOS = sorted(Path(__file__).parent.glob("*.toml"))


def test_there_are_enough() -> None:
    assert len(SCENARIOS) >= 40


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_trace(path: Path) -> None:
    trace = run_scenario(path.read_text())
    golden = path.with_suffix(".txt")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        golden.write_text(trace)
    assert trace == golden.read_text()


def test_no_trace_is_left_over() -> None:
    traces = {path.stem for path in Path(__file__).parent.glob("*.txt")}
    assert traces == {path.stem for path in SCENARIOS}
