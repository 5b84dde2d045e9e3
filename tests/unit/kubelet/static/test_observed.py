from __future__ import annotations

from kubelet.static.observed import ObservedContainer, ObservedPod, State


def test_what_is_observed_can_be_compared() -> None:
    one = ObservedContainer("c1", "llm", 0, 0, State.RUNNING)
    pod = ObservedPod("s1", "default/tiny", "u", "tiny.yaml", 0, True, 30, (one,))
    assert pod == ObservedPod("s1", "default/tiny", "u", "tiny.yaml", 0, True, 30, (one,))
    assert {pod, pod} == {pod}
    assert (one.exit_code, one.finished_ns, one.log_path) == (0, 0, "")
