from __future__ import annotations

from datetime import timedelta

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.testing.manual_clock import ManualClock


def test_sleepers_go_on_in_the_order_of_their_instants() -> None:
    async def main() -> None:
        clock = ManualClock()
        order: list[int] = []

        async def sleeper(seconds: int) -> None:
            await clock.sleep(seconds)
            order.append(seconds)

        for seconds in (3, 1, 2):
            spawn(sleeper(seconds), name="sleeper")
        await until(lambda: clock.sleepers == 3)
        clock.advance(0.5)
        assert clock.sleepers == 3
        clock.advance(2)
        await until(lambda: order == [1, 2])
        clock.advance(1)
        await until(lambda: order == [1, 2, 3])

    run(main())


def test_a_jump_moves_the_wall_clock_alone() -> None:
    clock = ManualClock()
    before = clock.wall()
    clock.jump(3600)
    assert clock.wall() - before == timedelta(hours=1)
    assert clock.monotonic() == 0
