from __future__ import annotations

from pathlib import Path

from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.plan import Plan
from bronzewillow.testing.lab.topology import Topology


def test_the_pod_of_most_tests_is_the_first(tmp_path: Path) -> None:
    """That what is built works is shown in tests/lab/test_harness.py, which needs root."""
    first, second = Namespace("bw1n1-pod1"), Namespace("bw1n1-pod2")
    lab = Topology(Plan(), tmp_path, Namespace("bw1n1-worker"), Namespace("bw1n1-mac"), (first, second), None)
    assert lab.pod is first
    assert lab.net is None
