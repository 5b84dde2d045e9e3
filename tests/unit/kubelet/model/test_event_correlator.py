"""Fewer events."""

from __future__ import annotations

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.event_correlator import BURST, MOST_KEYS, REFILL, CreateEvent, EventCorrelator, PatchEvent
from kubelet.model.events import Subject
from kubelet.model.times import SECOND


def subject(name: str = "p") -> Subject:
    return Subject("Pod", "default", name, f"u-{name}")


def event(message: str = "m", reason: str = "BackOff") -> PodEvent:
    return PodEvent(EventType.WARNING, reason, message)


def test_again_is_counted_whatever_the_resource_version() -> None:
    correlator = EventCorrelator("mac-1")
    first = correlator.correlate(subject(), event(), 0, 0)
    assert isinstance(first, CreateEvent)
    later = Subject("Pod", "default", "p", "u-p", "99")
    again = correlator.correlate(later, event(), 60 * SECOND, 60 * SECOND)
    assert isinstance(again, PatchEvent)
    assert again.name == first.body["metadata"]["name"]
    assert again.body == {"count": 2, "lastTimestamp": "1970-01-01T00:01:00Z", "message": "m"}
    assert again.recreate["firstTimestamp"] == "1970-01-01T00:00:00Z"
    assert isinstance(correlator.correlate(subject(), event("other"), 0, 0), CreateEvent)


def test_many_alike_become_one() -> None:
    correlator = EventCorrelator("mac-1")
    sent = [correlator.correlate(subject(), event(f"m{number}"), 0, 0) for number in range(12)]
    assert all(isinstance(one, CreateEvent) for one in sent[:10])
    combined = sent[9]
    assert isinstance(combined, CreateEvent)
    assert combined.body["message"] == "(combined from similar events): m9"
    last = sent[11]
    assert isinstance(last, PatchEvent)
    assert (last.body["count"], last.body["message"]) == (3, "(combined from similar events): m11")
    after = correlator.correlate(subject(), event("m99"), 0, 601 * SECOND)
    assert isinstance(after, CreateEvent)
    assert after.body["message"] == "m99"


def test_one_object_cannot_fill_the_cluster_and_others_do_not_suffer() -> None:
    correlator = EventCorrelator("mac-1")
    sent = [correlator.correlate(subject(), event(), 0, 0) for _ in range(BURST + 5)]
    assert [one is None for one in sent] == [False] * BURST + [True] * 5
    assert correlator.correlate(subject("q"), event(), 0, 0) is not None
    assert correlator.correlate(subject(), event(), 0, REFILL) is not None
    assert correlator.correlate(subject(), event(), 0, REFILL) is None


def test_memory_is_bounded() -> None:
    correlator = EventCorrelator("mac-1")
    for number in range(MOST_KEYS + 10):
        correlator.correlate(subject(str(number)), event(), 0, 0)
    assert len(correlator._told._values) == len(correlator._tokens._values) == MOST_KEYS
    assert isinstance(correlator.correlate(subject("0"), event(), 0, 0), CreateEvent)
