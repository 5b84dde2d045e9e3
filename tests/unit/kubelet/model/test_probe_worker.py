"""One probe."""

from __future__ import annotations

import pytest

from kubelet.model.actions import ProbeKind
from kubelet.model.outcomes import ProbeResult
from kubelet.model.probe_worker import ProbeWorker
from kubelet.model.times import SECOND

OK, BAD, ERROR = ProbeResult.SUCCESS, ProbeResult.FAILURE, ProbeResult.UNKNOWN


def feed(worker: ProbeWorker, *results: ProbeResult) -> None:
    for result in results:
        worker.finish(result)


@pytest.mark.parametrize(
    ("kind", "initially"),
    [(ProbeKind.READINESS, False), (ProbeKind.LIVENESS, True), (ProbeKind.STARTUP, False)],
)
def test_before_anything_is_known(kind: ProbeKind, initially: bool) -> None:
    assert ProbeWorker(kind, {}, 0).is_success is initially


def test_thresholds_in_a_row() -> None:
    worker = ProbeWorker(ProbeKind.READINESS, {"successThreshold": 2, "failureThreshold": 3}, 0)
    feed(worker, OK)
    assert not worker.is_success
    feed(worker, OK, BAD, BAD, OK, BAD, BAD)
    assert worker.is_success
    feed(worker, BAD)
    assert not worker.is_success
    assert not worker.is_held


def test_an_error_breaks_no_row() -> None:
    worker = ProbeWorker(ProbeKind.LIVENESS, {"failureThreshold": 2}, 0)
    feed(worker, BAD, ERROR)
    assert worker.is_success
    feed(worker, BAD)
    assert not worker.is_success


@pytest.mark.parametrize("kind", [ProbeKind.LIVENESS, ProbeKind.STARTUP])
def test_it_is_held_after_a_failure(kind: ProbeKind) -> None:
    worker = ProbeWorker(kind, {"failureThreshold": 1}, 0)
    feed(worker, BAD, OK)
    assert (worker.is_failure, worker.is_success) == (True, False)
    assert worker.next_timeout(is_started=kind is not ProbeKind.STARTUP) is None


def test_ticks_come_each_period_and_not_while_one_is_in_flight() -> None:
    worker = ProbeWorker(ProbeKind.LIVENESS, {"periodSeconds": 2}, 0)
    assert worker.due(0, running_since=0, is_started=True)
    assert not worker.due(2 * SECOND, running_since=0, is_started=True)
    worker.finish(OK)
    assert not worker.due(3 * SECOND, running_since=0, is_started=True)
    assert worker.next_timeout(is_started=True) == 4 * SECOND
    assert worker.due(9 * SECOND, running_since=0, is_started=True)
    assert worker.next_timeout(is_started=True) == 10 * SECOND


def test_the_initial_delay_counts_from_the_start() -> None:
    worker = ProbeWorker(ProbeKind.LIVENESS, {"periodSeconds": 10, "initialDelaySeconds": 5}, 0)
    assert not worker.due(0, running_since=0, is_started=True)
    assert worker.due(10 * SECOND, running_since=0, is_started=True)


@pytest.mark.parametrize("kind", list(ProbeKind))
def test_who_waits_for_whom(kind: ProbeKind) -> None:
    is_startup = kind is ProbeKind.STARTUP
    assert ProbeWorker(kind, {}, 0).due(0, running_since=0, is_started=False) is is_startup
    assert ProbeWorker(kind, {}, 0).due(0, running_since=0, is_started=True) is not is_startup


def test_readiness_hurries_when_its_container_has_started() -> None:
    worker = ProbeWorker(ProbeKind.READINESS, {}, 9 * SECOND)
    worker.hurry(SECOND)
    assert worker.due(SECOND, running_since=0, is_started=True)
