"""Scenarios."""

from __future__ import annotations

import pytest

from kubelet.testing.scenario import run_scenario
from kubelet.testing.world import ScenarioError

PLAIN = 'shows = "x"\nuntil = "10s"\n[pod.spec]\ncontainers = [{ name = "a", image = "m:1" }]\n'


def test_a_scenario() -> None:
    trace = run_scenario(PLAIN + '[[at]]\ntime = "5s"\ndo = "delete"\ngrace = 1\n')
    assert trace.startswith("x\n\n    0.000  phase Pending\n")
    assert "    5.000  * delete 1\n" in trace
    assert trace.endswith("the object is gone, 0 records in the runtime\n")


@pytest.mark.parametrize("text", ["[", PLAIN + '[[at]]\ntime = "5s"\ndo = "explode"\n'])
def test_what_is_not_understood(text: str) -> None:
    with pytest.raises(ScenarioError):
        run_scenario(text)
