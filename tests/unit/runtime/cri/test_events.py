from __future__ import annotations

from bronzewillow.testing.aio import run
from runtime.api import cri_pb2 as api
from runtime.cri.events import Events

STOPPED = api.ContainerEventType.CONTAINER_STOPPED_EVENT


def test_all_that_listen_hear_it() -> None:
    async def main() -> None:
        events = Events()
        listeners = [events.listen() for _ in range(2)]
        events.publish(STOPPED, "a", api.PodSandboxStatus(id="p"), [api.ContainerStatus(id="a")])
        events.close()
        for listener in listeners:
            (event,) = [one async for one in listener]
            assert (event.container_id, event.pod_sandbox_status.id) == ("a", "p")
            assert [one.id for one in event.containers_statuses] == ["a"]
            assert event.created_at

    run(main())


def test_who_does_not_keep_up_is_cut_off() -> None:
    async def main() -> None:
        events = Events()
        slow = events.listen()
        for number in range(2000):
            events.publish(STOPPED, str(number), None, [])
        assert len([one async for one in slow]) == 1000

    run(main())
