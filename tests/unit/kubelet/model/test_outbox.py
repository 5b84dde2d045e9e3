"""What was asked for."""

from __future__ import annotations

from kubelet.model.actions import Cancel, CreateSandbox, InspectImage, PullImage
from kubelet.model.outbox import Outbox


def test_an_action_in_flight_is_not_asked_for_again() -> None:
    outbox, action = Outbox(), CreateSandbox(0)
    outbox.ask(action)
    outbox.ask(action)
    assert outbox.take() == ((action,), (), None)
    outbox.ask(action)
    assert outbox.take()[0] == ()
    assert outbox.finish(action)
    assert not outbox.finish(action)
    outbox.ask(action)
    assert outbox.take()[0] == (action,)


def test_a_cancel_is_told_once_and_only_of_what_is_in_flight() -> None:
    outbox, pull = Outbox(), PullImage("llm", "m:1")
    outbox.cancel(pull)
    outbox.ask(pull)
    outbox.cancel(pull)
    outbox.cancel(pull)
    assert outbox.take()[0] == (pull, Cancel(pull))
    assert not outbox.is_idle()


def test_in_flight_by_kind_and_container() -> None:
    outbox = Outbox()
    outbox.ask(PullImage("a", "m:1"))
    outbox.ask(InspectImage("b", "m:1"))
    assert outbox.in_flight(PullImage, container="a") == [PullImage("a", "m:1")]
    assert outbox.in_flight(PullImage, container="b") == []
    assert len(outbox.in_flight(PullImage, InspectImage)) == 2


def test_the_earliest_wake_counts_once() -> None:
    outbox = Outbox()
    outbox.wake(7)
    outbox.wake(5)
    assert (outbox.take()[2], outbox.take()[2]) == (5, None)


def test_the_earliest_wake_counts() -> None:
    outbox = Outbox()
    assert outbox.next_wake is None
    outbox.wake(7)
    outbox.wake(5)
    assert outbox.next_wake == 5
    assert outbox.take() == ((), (), 5)
    assert outbox.next_wake is None
