"""Traces."""

from __future__ import annotations

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.times import SECOND
from kubelet.testing.trace import Trace


def test_only_what_changes_is_written() -> None:
    trace = Trace()
    ready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "m"}
    state = {"terminated": {"exitCode": 1, "reason": "Error"}}
    one = {
        "name": "a",
        "state": {"waiting": {}},
        "lastState": state,
        "restartCount": 1,
        "started": False,
        "ready": True,
    }
    status = {"phase": "Pending", "qosClass": "Burstable", "conditions": [ready], "containerStatuses": [one]}
    trace.status({**status, "podIP": "10.0.0.9"}, 0)
    trace.status({**status, "phase": "Running"}, SECOND)
    trace.event(PodEvent(EventType.NORMAL, "Started", "Started container a"), SECOND)
    trace.note("delete", 2 * SECOND)
    assert trace.text().splitlines() == [
        "    0.000  phase Pending",
        "           podIP 10.0.0.9",
        "           qosClass Burstable",
        "           a: waiting, before terminated 1 Error, restarts 1, ready",
        "           Ready False ContainersNotReady: m",
        "    1.000  phase Running",
        "           ip is gone",
        "             event Normal Started: Started container a",
        "    2.000  * delete",
    ]
