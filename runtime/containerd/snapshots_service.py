"""The snapshotter as containerd calls it: a proxy plugin's gRPC service (api/services/snapshots/v1)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from runtime.api import snapshots_pb2 as api
from runtime.api.snapshots_pb2_grpc import SnapshotsServicer
from runtime.snapshots import Info, Kind, Mount, Snapshotter

_KINDS = {Kind.VIEW: api.VIEW, Kind.ACTIVE: api.ACTIVE, Kind.COMMITTED: api.COMMITTED}
_ROWS = 100


class SnapshotsService(SnapshotsServicer):
    """Each call in a thread, since the snapshotter waits for disks and locks."""

    def __init__(self, snapshotter: Snapshotter) -> None:
        self._snapshotter = snapshotter

    async def Prepare(self, request: api.PrepareSnapshotRequest, context: Any) -> api.PrepareSnapshotResponse:
        """A folder to write into."""
        mounts = await asyncio.to_thread(
            self._snapshotter.prepare, request.key, request.parent, dict(request.labels)
        )
        return api.PrepareSnapshotResponse(mounts=_mounts(mounts))

    async def View(self, request: api.ViewSnapshotRequest, context: Any) -> api.ViewSnapshotResponse:
        """A folder to read."""
        mounts = await asyncio.to_thread(
            self._snapshotter.view, request.key, request.parent, dict(request.labels)
        )
        return api.ViewSnapshotResponse(mounts=_mounts(mounts))

    async def Mounts(self, request: api.MountsRequest, context: Any) -> api.MountsResponse:
        """How an active snapshot or a view is mounted."""
        mounts = await asyncio.to_thread(self._snapshotter.mounts, request.key)
        return api.MountsResponse(mounts=_mounts(mounts))

    async def Commit(self, request: api.CommitSnapshotRequest, context: Any) -> Empty:
        """Make an active snapshot one that never changes."""
        await asyncio.to_thread(self._snapshotter.commit, request.name, request.key, dict(request.labels))
        return Empty()

    async def Remove(self, request: api.RemoveSnapshotRequest, context: Any) -> Empty:
        """Remove a snapshot that nothing stands on."""
        await asyncio.to_thread(self._snapshotter.remove, request.key)
        return Empty()

    async def Stat(self, request: api.StatSnapshotRequest, context: Any) -> api.StatSnapshotResponse:
        """What is kept of a snapshot."""
        return api.StatSnapshotResponse(
            info=_info(await asyncio.to_thread(self._snapshotter.stat, request.key))
        )

    async def Update(self, request: api.UpdateSnapshotRequest, context: Any) -> api.UpdateSnapshotResponse:
        """Replace a snapshot's labels, all of them or those of the field mask."""
        now = await asyncio.to_thread(self._snapshotter.stat, request.info.name)
        wanted = Info(now.name, now.parent, now.kind, now.created, now.updated, dict(request.info.labels))
        paths = list(request.update_mask.paths)
        return api.UpdateSnapshotResponse(
            info=_info(await asyncio.to_thread(self._snapshotter.update, wanted, paths))
        )

    async def List(
        self, request: api.ListSnapshotsRequest, context: Any
    ) -> AsyncIterator[api.ListSnapshotsResponse]:
        """Those that a filter holds for, some at a time."""
        found = await asyncio.to_thread(lambda: list(self._snapshotter.walk(request.filters)))
        rows = map(_info, found)
        while some := list(itertools.islice(rows, _ROWS)):
            yield api.ListSnapshotsResponse(info=some)

    async def Usage(self, request: api.UsageRequest, context: Any) -> api.UsageResponse:
        """What its removal would give back."""
        usage = await asyncio.to_thread(self._snapshotter.usage, request.key)
        return api.UsageResponse(size=usage.size_bytes, inodes=usage.inodes)

    async def Cleanup(self, request: api.CleanupRequest, context: Any) -> Empty:
        """Nothing: what is removed goes at once."""
        return Empty()


def _mounts(mounts: Sequence[Mount]) -> list[api.Mount]:
    return [api.Mount(type=one.type, source=str(one.source), options=one.options) for one in mounts]


def _info(info: Info) -> api.Info:
    return api.Info(
        name=info.name,
        parent=info.parent,
        kind=_KINDS[info.kind],
        created_at=_time(info.created),
        updated_at=_time(info.updated),
        labels=dict(info.labels),
    )


def _time(at: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(at)
    return found
