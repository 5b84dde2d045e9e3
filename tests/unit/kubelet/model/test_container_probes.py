"""A container's probes together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubelet.model.actions import Probe, ProbeKind
from kubelet.model.container_probes import ContainerProbes
from kubelet.model.observed import ContainerState, ObservedContainer
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Done, Failed, Probed, ProbeResult
from kubelet.model.times import SECOND

ONE = ObservedContainer("c0", "llm", 0, ContainerState.RUNNING, "s0", 1, started_ns=1)
SPEC = {
    "name": "llm",
    "startupProbe": {"periodSeconds": 1},
    "readinessProbe": {"periodSeconds": 10},
    "livenessProbe": {"periodSeconds": 10, "failureThreshold": 1},
}


class Probes:
    """With an outbox."""

    def __init__(self, told: dict[str, Any] | None = None, agent_started: int = 0, now: int = 0) -> None:
        self.outbox = Outbox()
        self.probes = ContainerProbes("u/llm", "spec.containers{llm}", self.outbox)
        self.probes.follow(SPEC, ONE, told or {}, agent_started, 0, now)

    def asked(self, now: int, *, is_ending: bool = False) -> list[Probe]:
        self.probes.advance("llm", now, is_ending=is_ending)
        return [action for action in self.outbox.take()[0] if isinstance(action, Probe)]

    def answer(self, probe: Probe, result: ProbeResult, now: int, output: str = "x") -> bool:
        self.outbox.finish(probe)
        return self.probes.finish(probe, Probed(result, output), now)


def test_startup_first_then_readiness_at_once() -> None:
    one = Probes()
    (startup,) = one.asked(0)
    assert (startup.kind, one.probes.is_started, one.probes.is_ready) == (ProbeKind.STARTUP, False, False)
    one.answer(startup, ProbeResult.SUCCESS, SECOND)
    assert one.probes.is_started
    kinds = {probe.kind for probe in one.asked(SECOND)}
    assert kinds == {ProbeKind.READINESS, ProbeKind.LIVENESS}


def test_what_is_known_already_is_no_news() -> None:
    one = Probes({"started": True})
    for tick, (result, readiness, liveness) in enumerate(
        [
            (ProbeResult.SUCCESS, True, True),
            (ProbeResult.SUCCESS, False, False),
            (ProbeResult.FAILURE, True, True),
            (ProbeResult.FAILURE, True, False),  # each is told; one that is held is not probed
        ]
    ):
        now = 10 * tick * SECOND
        news = {probe.kind: one.answer(probe, result, now) for probe in one.asked(now)}
        assert news[ProbeKind.READINESS] is readiness
        assert news.get(ProbeKind.LIVENESS, False) is liveness


def test_while_the_pod_ends_only_readiness_is_asked() -> None:
    one = Probes()
    assert [probe.kind for probe in one.asked(0, is_ending=True)] == [ProbeKind.READINESS]
    assert one.probes.is_started


def test_what_had_passed_before_the_agents_restart_has_passed() -> None:
    one = Probes({"started": True, "ready": True}, agent_started=100 * SECOND, now=101 * SECOND)
    assert (one.probes.is_started, one.probes.is_ready) == (True, True)


def test_first_ticks_after_a_restart_are_spread_over_the_period() -> None:
    one = Probes({"started": True}, agent_started=100 * SECOND, now=101 * SECOND)
    assert one.asked(101 * SECOND) == []
    assert {probe.kind for probe in one.asked(111 * SECOND)} == {ProbeKind.READINESS, ProbeKind.LIVENESS}


def test_an_answer_of_an_instance_that_is_gone_says_nothing() -> None:
    one = Probes({"started": True})
    late = next(probe for probe in one.asked(0) if probe.kind is ProbeKind.LIVENESS)
    one.probes.follow(SPEC, replace(ONE, id="c1"), {}, 0, 0, SECOND)
    one.answer(late, ProbeResult.FAILURE, SECOND)
    assert one.probes.failed is None
    assert one.outbox.take()[1] == ()


def test_failures_are_told_and_a_failed_liveness_probe_is_known() -> None:
    one = Probes({"started": True})
    probe = next(probe for probe in one.asked(0) if probe.kind is ProbeKind.LIVENESS)
    one.answer(probe, ProbeResult.FAILURE, 1, "HTTP probe failed with statuscode: 500")
    (event,) = one.outbox.take()[1]
    assert (event.reason, event.message) == (
        "Unhealthy",
        "Liveness probe failed: HTTP probe failed with statuscode: 500",
    )
    failed = one.probes.failed
    assert failed is not None
    assert failed.kind is ProbeKind.LIVENESS


def test_what_cannot_be_tried_is_told_and_changes_nothing() -> None:
    one = Probes({"started": True, "ready": True})
    probe = next(probe for probe in one.asked(0) if probe.kind is ProbeKind.READINESS)
    one.probes.finish(probe, Failed("no network"), 1)
    assert one.probes.is_ready
    assert one.outbox.take()[1][0].message == "Readiness probe errored: no network"


def test_a_warning_is_a_success() -> None:
    one = Probes({"started": True})
    probe = next(probe for probe in one.asked(0) if probe.kind is ProbeKind.READINESS)
    one.answer(probe, ProbeResult.WARNING, 1, "redirect to another host")
    assert one.probes.is_ready
    assert one.outbox.take()[1][0].reason == "ProbeWarning"


def test_nothing_runs() -> None:
    one = Probes()
    one.probes.drop()
    assert one.asked(0) == []
    one.probes.finish(Probe("llm", "c0", ProbeKind.LIVENESS, 1, {}), Done(), 1)
