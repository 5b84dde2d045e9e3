from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from bronzewillow.testing.aio import run
from runtime.api import snapshots_pb2 as api
from runtime.api.snapshots_pb2_grpc import SnapshotsStub

from .conftest import double

pytestmark = pytest.mark.loopback


def served(test: Callable[[SnapshotsStub], Awaitable[None]]) -> None:
    async def main() -> None:
        with TemporaryDirectory(prefix="bw") as name:
            async with double(Path(name)) as rig, grpc.aio.insecure_channel(f"unix:{rig.address}") as channel:
                await test(SnapshotsStub(channel))

    run(main())


def test_a_layer_and_a_container_on_it() -> None:
    async def test(stub: SnapshotsStub) -> None:
        prepared = await stub.Prepare(
            api.PrepareSnapshotRequest(snapshotter="llm", key="extract", labels={"a": "b"})
        )
        (mount,) = prepared.mounts
        assert (mount.type, list(mount.options)) == ("bind", ["rbind", "rw"])
        Path(mount.source, "model.gguf").write_bytes(b"GGUF")
        await stub.Commit(api.CommitSnapshotRequest(name="sha256:1", key="extract", labels={"c": "d"}))
        stated = (await stub.Stat(api.StatSnapshotRequest(key="sha256:1"))).info
        assert (stated.kind, stated.parent, dict(stated.labels)) == (api.COMMITTED, "", {"c": "d"})
        assert stated.created_at.seconds > 1_700_000_000
        viewed = await stub.View(api.ViewSnapshotRequest(key="view", parent="sha256:1"))
        assert list(viewed.mounts[0].options) == ["rbind", "ro"]
        assert (await stub.Mounts(api.MountsRequest(key="view"))).mounts == viewed.mounts
        await stub.Prepare(api.PrepareSnapshotRequest(key="container", parent="sha256:1"))
        usage = await stub.Usage(api.UsageRequest(key="container"))
        assert usage.size < 4, "the file is the layer's"
        for key in ("view", "container", "sha256:1"):
            await stub.Remove(api.RemoveSnapshotRequest(key=key))
        await stub.Cleanup(api.CleanupRequest())

    served(test)


def test_labels_are_changed_by_a_mask() -> None:
    async def test(stub: SnapshotsStub) -> None:
        await stub.Prepare(api.PrepareSnapshotRequest(key="one", labels={"a": "1", "b": "2"}))
        wanted = api.Info(name="one", labels={"a": "3"})
        mask = FieldMask(paths=["labels.a"])
        answer = await stub.Update(api.UpdateSnapshotRequest(info=wanted, update_mask=mask))
        assert dict(answer.info.labels) == {"a": "3", "b": "2"}
        answer = await stub.Update(api.UpdateSnapshotRequest(info=wanted))
        assert dict(answer.info.labels) == {"a": "3"}

    served(test)


def test_many_are_listed_in_several_answers_and_filters_count() -> None:
    async def test(stub: SnapshotsStub) -> None:
        for number in range(105):
            await stub.Prepare(api.PrepareSnapshotRequest(key=f"k{number}", labels={"n": str(number)}))
        answers = [len(answer.info) async for answer in stub.List(api.ListSnapshotsRequest())]
        assert answers == [100, 5]
        filters = ['labels."n"==7', "name==k9"]
        async for answer in stub.List(api.ListSnapshotsRequest(filters=filters)):
            assert [info.name for info in answer.info] == ["k7", "k9"]

    served(test)


def test_refusals_have_containerd_s_classes() -> None:
    async def test(stub: SnapshotsStub) -> None:
        await stub.Prepare(api.PrepareSnapshotRequest(key="one"))
        for call, status in (
            (stub.Stat(api.StatSnapshotRequest(key="no")), grpc.StatusCode.NOT_FOUND),
            (stub.Prepare(api.PrepareSnapshotRequest(key="one")), grpc.StatusCode.ALREADY_EXISTS),
            (
                stub.Prepare(api.PrepareSnapshotRequest(key="two", parent="one")),
                grpc.StatusCode.FAILED_PRECONDITION,
            ),
            (stub.Prepare(api.PrepareSnapshotRequest(key="")), grpc.StatusCode.INVALID_ARGUMENT),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is status

    served(test)
