"""The newest status of each pod, once, and again when it was lost."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import PatchType
from bronzewillow.kube.errors import Conflict, KubeError, NotFound, Unreachable
from bronzewillow.kube.resources import Resource
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from kubelet.pods import status_writer
from kubelet.pods.status_patch import is_written
from kubelet.pods.status_writer import StatusWriter

from ..conftest import Pod, pod


class Rig:
    """An API server that does what patches say, field by field."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {"u1": pod()}
        self.patches: list[Any] = []
        self.error: KubeError | None = None
        self.writer = StatusWriter(self, self.pods.get)

    async def patch(
        self, resource: Resource, name: str, patch: Any, namespace: str = "", *, subresource: str = "",
        type: PatchType = PatchType.STRATEGIC,
    ) -> dict[str, Any]:  # fmt: skip
        assert (resource.plural, subresource, type) == ("pods", "status", PatchType.STRATEGIC)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.patches.append(patch)
        found = self.pods[patch["metadata"]["uid"]] = copy.deepcopy(self.pods[patch["metadata"]["uid"]])
        found["status"].update(patch["status"])
        found["status"] = {key: value for key, value in found["status"].items() if value is not None}
        return copy.deepcopy(found)

    @property
    def phases(self) -> list[str]:
        return [patch["status"]["phase"] for patch in self.patches]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = spawn(self.writer.run(), name="writer")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_writer, "RESYNC_S", 0.01)


def test_what_is_new_is_written_once() -> None:
    async def main() -> None:
        rig = Rig()
        async with rig.running():
            rig.writer.put("u1", {"phase": "Running"})
            await until(lambda: rig.phases == ["Running"])
            rig.writer.put("u1", {"phase": "Running"})
            rig.writer.put("u1", {"phase": "Succeeded"})
            await until(lambda: rig.phases == ["Running", "Succeeded"])

    run(main())


def test_what_the_api_server_has_is_not_written() -> None:
    async def main() -> None:
        rig = Rig()
        rig.writer.put("u1", {"phase": "Pending"})
        await rig.writer.flush("u1")
        assert rig.patches == []

    run(main())


def test_only_the_newest_counts() -> None:
    async def main() -> None:
        rig = Rig()
        for phase in ("Running", "Failed"):
            rig.writer.put("u1", {"phase": phase})
        await asyncio.gather(*(rig.writer.flush("u1") for _ in range(3)))
        assert rig.phases == ["Failed"]

    run(main())


def test_with_the_api_server_away_it_is_tried_again() -> None:
    async def main() -> None:
        rig = Rig()
        rig.error = Unreachable("away")
        rig.writer.put("u1", {"phase": "Running"})
        with pytest.raises(Unreachable):
            await rig.writer.flush("u1")
        async with rig.running():
            rig.error = None
            await until(lambda: rig.phases == ["Running"])

    run(main())


def test_what_others_have_changed_is_set_right() -> None:
    async def main() -> None:
        rig = Rig()
        async with rig.running():
            rig.writer.put("u1", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
            await until(lambda: len(rig.patches) == 1)
            found = copy.deepcopy(rig.pods["u1"])
            found["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
            rig.pods["u1"] = found
            await until(lambda: len(rig.patches) == 2)

    run(main())


def test_what_has_not_changed_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, looks = 0, 0

    def counted(known: Pod, wanted: Pod) -> bool:
        nonlocal compared
        compared += 1
        return is_written(known, wanted)

    monkeypatch.setattr(status_writer, "is_written", counted)
    rig = Rig()

    def target(pod_uid: str) -> Pod | None:
        nonlocal looks
        looks += 1
        return rig.pods.get(pod_uid)

    async def look_again(times: int) -> None:
        enough = looks + times
        await until(lambda: looks >= enough)

    async def main() -> None:
        rig.writer = StatusWriter(rig, target)
        async with rig.running():
            for phase in ("Running", "Failed"):
                before = compared
                rig.writer.put("u1", {"phase": phase})
                await until(lambda: rig.phases[-1:] == [phase])  # noqa: B023
                await look_again(5)
                settled = compared
                assert settled > before
                await look_again(10)
                assert compared == settled

    run(main())


def test_a_watch_that_is_behind_is_not_taken_for_somebody_who_changes_things() -> None:
    async def main() -> None:
        rig = Rig()
        rig.pods["u1"]["metadata"]["resourceVersion"] = "10"
        seen = copy.deepcopy(rig.pods["u1"])
        rig.writer = StatusWriter(rig, lambda _: seen)
        rig.writer.put("u1", {"phase": "Running"})
        rig.pods["u1"]["metadata"]["resourceVersion"] = "11"  # that of the answer
        await rig.writer.flush("u1")
        await rig.writer._write_all(is_check=True)
        assert rig.phases == ["Running"]
        seen["metadata"]["resourceVersion"] = "12"  # somebody has set it back
        await rig.writer._write_all(is_check=True)
        assert rig.phases == ["Running", "Running"]

    run(main())


def test_another_object_has_it_written_anew() -> None:
    """A static pod's mirror was deleted and made again."""

    async def main() -> None:
        rig = Rig()
        rig.writer.put("u1", {"phase": "Running"})
        await rig.writer.flush("u1")
        rig.pods["u2"] = pod(uid="u2")
        rig.pods["u1"] = rig.pods["u2"]
        await rig.writer.flush("u1")
        assert [patch["metadata"]["uid"] for patch in rig.patches] == ["u1", "u2"]

    run(main())


@pytest.mark.parametrize("error", [NotFound("gone", code=404), Conflict("another", code=409)])
def test_there_is_nobody_to_tell(error: KubeError) -> None:
    async def main() -> None:
        rig = Rig()
        rig.error = error
        rig.writer.put("u1", {"phase": "Running"})
        await rig.writer.flush("u1")
        await rig.writer.flush("stranger")
        rig.writer.put("orphan", {"phase": "Running"})
        await rig.writer.flush("orphan")
        rig.writer.forget("u1")
        await rig.writer.flush("u1")
        assert rig.patches == []

    run(main())
