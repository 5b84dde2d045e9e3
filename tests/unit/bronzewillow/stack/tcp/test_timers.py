from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack.tcp.timers import NEVER, Timer, TimerQueue, Timers


class Owner:
    def __init__(self) -> None:
        self.timers = Timers()
        self.queued_at = NEVER


def test_the_earliest_deadline() -> None:
    t = Timers()
    t.arm(Timer.RETRANSMIT, 50)
    t.arm(Timer.DELAYED_ACK, 20)
    assert t.earliest == 20 and t.is_armed(Timer.DELAYED_ACK)
    t.cancel(Timer.DELAYED_ACK)
    t.cancel(Timer.DELAYED_ACK)
    assert t.earliest == 50
    t.arm(Timer.RETRANSMIT, 70)
    assert t.earliest == 70
    assert t.take_expired(69) == [] and t.take_expired(70) == [Timer.RETRANSMIT]
    assert t.earliest == NEVER
    t.arm(Timer.KEEPALIVE, 1)
    t.cancel_all()
    assert t.earliest == NEVER and not t.is_armed(Timer.KEEPALIVE)


def test_a_moved_timer_is_due_at_its_new_time() -> None:
    queue: TimerQueue[Owner] = TimerQueue()
    owner = Owner()
    owner.timers.arm(Timer.RETRANSMIT, 10)
    queue.update(owner)
    owner.timers.arm(Timer.RETRANSMIT, 30)
    queue.update(owner)
    assert queue.take_due(10) == []
    assert queue.next_timeout() == 30
    owner.timers.arm(Timer.RETRANSMIT, 20)
    queue.update(owner)
    assert queue.next_timeout() == 20
    assert queue.take_due(25) == [owner]
    owner.timers.take_expired(25)
    assert queue.next_timeout() is None


def test_a_cancelled_timer_is_never_due() -> None:
    queue: TimerQueue[Owner] = TimerQueue()
    owner = Owner()
    owner.timers.arm(Timer.PERSIST, 10)
    queue.update(owner)
    owner.timers.cancel_all()
    assert queue.next_timeout() is None and queue.take_due(99) == []


def test_superseded_entries_are_swept() -> None:
    queue: TimerQueue[Owner] = TimerQueue()
    owners = [Owner() for _ in range(10)]
    for deadline in range(100_000, 0, -10):
        for owner in owners:
            owner.timers.arm(Timer.RETRANSMIT, deadline)
            queue.update(owner)
        assert len(queue) <= 64 + len(owners)
    assert queue.take_due(10) == owners


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from(list(Timer)), st.one_of(st.none(), st.integers(0, 200))),
        max_size=200,
    )
)
def test_against_a_model(steps: list[tuple[int, Timer, int | None]]) -> None:
    """None lets time pass to the next deadline: exactly the owners with a due timer are due, each once."""
    queue: TimerQueue[Owner] = TimerQueue()
    owners = [Owner() for _ in range(5)]
    now = 0
    for which, timer, delay in steps:
        owner = owners[which]
        if delay is not None:
            owner.timers.arm(timer, now + delay)
            queue.update(owner)
            continue
        wake_up = queue.next_timeout()
        earliest = min(o.timers.earliest for o in owners)
        assert (wake_up is None) == (earliest == NEVER)
        if wake_up is None:
            continue
        assert wake_up <= earliest
        now = max(now, wake_up)
        due = queue.take_due(now)
        assert sorted(map(id, due)) == sorted(id(o) for o in owners if o.timers.earliest <= now)
        for o in due:
            o.timers.take_expired(now)
            queue.update(o)
