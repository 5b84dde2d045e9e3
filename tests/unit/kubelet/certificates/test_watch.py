"""What others change while we run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.watch import Watch
from kubelet.testing.manual_clock import ManualClock


@dataclass
class Rig:
    found: bytes | Exception = b"old"
    refusal: Exception | None = None
    taken: list[bytes] = field(default_factory=list)

    async def read(self) -> bytes:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def take(self, found: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.taken.append(found)

    def watch(self, clock: ManualClock | None = None) -> Watch:
        return Watch(self.read, self.take, b"old", 5, clock or ManualClock())


def test_what_two_looks_find_is_taken_once() -> None:
    async def main() -> None:
        rig = Rig()
        watch = rig.watch()
        for found in (b"old", b"ol", b"new", b"newer", b"newer", b"newer", b"old", b"old"):
            rig.found = found
            await watch.look()
        assert rig.taken == [b"newer", b"old"]

    run(main())


def test_what_is_wrong_is_told_once_and_what_is_there_stays(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        rig = Rig()
        watch = rig.watch()
        for found in (InvalidArgument("ca.crt: a certificate is cut off"), b"new", b"new"):
            rig.found = found
            for _ in range(1 if found == b"new" else 3):
                await watch.look()
        assert rig.taken == [b"new"]
        assert [one.getMessage() for one in caplog.records] == [
            "ca.crt: a certificate is cut off: what was there before goes on to count"
        ]
        rig.found, rig.refusal = b"worse", OSError("not like this")
        for _ in range(4):
            await watch.look()
        rig.refusal = None
        await watch.look()
        assert rig.taken == [b"new", b"worse"]
        assert len(caplog.records) == 2

    run(main())


def test_it_looks_now_and_then() -> None:
    async def main() -> None:
        rig, clock = Rig(b"new"), ManualClock()
        task = spawn(rig.watch(clock).run(), name="watch")
        for _ in range(2):
            await until(lambda: clock.sleepers == 1)
            clock.advance(5)
            await asyncio.sleep(0)
        await until(lambda: rig.taken == [b"new"])
        task.cancel()

    run(main())
