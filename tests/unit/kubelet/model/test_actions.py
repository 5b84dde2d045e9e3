"""Actions are values, so that shells can keep them in sets and dicts."""

from __future__ import annotations

from typing import get_args

from kubelet.model import actions
from kubelet.model.actions import CHANGES_RUNTIME, Action, HookKind, Probe, ProbeKind, RunHook


def test_a_hook_and_a_probe_can_be_keys() -> None:
    hook = RunHook("llm", "c0", HookKind.PRE_STOP, 30, {"sleep": {"seconds": 5}})
    probe = Probe("llm", "c0", ProbeKind.LIVENESS, 1, {"httpGet": {"port": 8080}})
    assert {hook: 1, probe: 2}[RunHook("llm", "c0", HookKind.PRE_STOP, 30, {"sleep": {"seconds": 5}})] == 1


def test_the_union_has_all_actions() -> None:
    classes = {value for value in vars(actions).values() if hasattr(value, "__dataclass_fields__")}
    assert set(get_args(Action)) == classes
    assert classes.issuperset(CHANGES_RUNTIME)


def test_a_probes_field() -> None:
    assert ProbeKind.STARTUP.key == "startupProbe"
