from __future__ import annotations

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import end, run
from bronzewillow.testing.loopback import until
from kubelet.node.wake import watch_sleep
from kubelet.testing.manual_clock import ManualClock


def test_a_sleep_is_noticed_within_a_second_of_waking() -> None:
    async def main() -> None:
        clock, woken = ManualClock(), []
        watching = spawn(watch_sleep(clock, lambda: woken.append(clock.monotonic())), name="watch")
        await until(lambda: clock.sleepers == 1)
        clock.advance(1)
        await until(lambda: clock.sleepers == 1)
        assert woken == []
        clock.jump(3600)
        clock.advance(1)
        await until(lambda: woken == [2_000_000])
        await end(watching)

    run(main())
