"""What we ask a containerd, in one of its namespaces."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from runtime.api import content_pb2, images_pb2, leases_pb2, snapshots_pb2
from runtime.api.content_pb2_grpc import ContentStub
from runtime.api.images_pb2_grpc import ImagesStub
from runtime.api.leases_pb2_grpc import LeasesStub
from runtime.api.snapshots_pb2_grpc import SnapshotsStub
from runtime.containerd.adapted import digest_of
from runtime.containerd.errors import ContainerdError

_LONGEST_LEASE = timedelta(hours=24)
_CALL_S = 60.0
_T = TypeVar("_T")


class Containerd:
    """One, while inside of `containerd_at`."""

    def __init__(self, channel: grpc.aio.Channel, namespace: str) -> None:
        self._images, self._content = ImagesStub(channel), ContentStub(channel)
        self._leases, self._snapshots = LeasesStub(channel), SnapshotsStub(channel)
        self._metadata: tuple[tuple[str, str], ...] = (("containerd-namespace", namespace),)

    # ---- images

    async def image(self, name: str) -> images_pb2.Image:
        """The image of that name. ContainerdError."""
        answer = await self._call(self._images.Get, images_pb2.GetImageRequest(name=name))
        image: images_pb2.Image = answer.image
        return image

    async def retarget(self, image: images_pb2.Image, labels: Mapping[str, str]) -> None:
        """Give it the target that `image` has now, and more labels. ContainerdError."""
        image.labels.update(labels)
        mask = FieldMask(paths=["target", *(f"labels.{key}" for key in labels)])
        await self._call(self._images.Update, images_pb2.UpdateImageRequest(image=image, update_mask=mask))

    # ---- content

    async def size(self, digest: str) -> int:
        """ContainerdError when it is not there."""
        answer = await self._call(self._content.Info, content_pb2.InfoRequest(digest=digest))
        return int(answer.info.size)

    async def read(self, digest: str, limit: int) -> bytes:
        """A small one, whole. ContainerdError."""
        if await self.size(digest) > limit:
            raise ContainerdError(f"{digest}: more than {limit} bytes")
        return b"".join([data async for data in self.blocks(digest)])

    async def blocks(self, digest: str) -> AsyncIterator[bytes]:
        """The bytes of a blob, in blocks of any size. ContainerdError."""
        request = content_pb2.ReadContentRequest(digest=digest)
        with _told():
            async for answer in self._content.Read(request, metadata=self._metadata):
                yield answer.data

    async def write(self, data: bytes, labels: Mapping[str, str]) -> None:
        """Also with these labels if it is there already. ContainerdError."""
        digest = digest_of(data)
        commit = content_pb2.WriteContentRequest(
            action=content_pb2.COMMIT, ref=f"adopt-{uuid.uuid4().hex}", total=len(data), expected=digest,
            data=data, labels=labels,
        )  # fmt: skip

        async def requests() -> AsyncIterator[content_pb2.WriteContentRequest]:
            yield commit

        with _told():
            try:
                async for _ in self._content.Write(requests(), metadata=self._metadata, timeout=_CALL_S):
                    pass
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                    raise
                await self.label(digest, labels)

    async def label(self, digest: str, labels: Mapping[str, str]) -> None:
        """Set these. ContainerdError."""
        request = content_pb2.UpdateRequest(
            info=content_pb2.Info(digest=digest, labels=labels),
            update_mask=FieldMask(paths=[f"labels.{key}" for key in labels]),
        )
        await self._call(self._content.Update, request)

    # ---- snapshots

    async def has_snapshot(self, snapshotter: str, name: str) -> bool:
        """Whether `snapshotter` has a snapshot `name`. ContainerdError."""
        request = snapshots_pb2.StatSnapshotRequest(snapshotter=snapshotter, key=name)
        with _told():
            try:
                await self._snapshots.Stat(request, metadata=self._metadata, timeout=_CALL_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                return False
        return True

    async def prepare(self, snapshotter: str, key: str, parent: str) -> Path:
        """The folder to write into. ContainerdError."""
        request = snapshots_pb2.PrepareSnapshotRequest(snapshotter=snapshotter, key=key, parent=parent)
        answer = await self._call(self._snapshots.Prepare, request)
        if len(answer.mounts) != 1 or answer.mounts[0].type != "bind":
            await self.remove(snapshotter, key)
            raise ContainerdError(
                f"the snapshotter {snapshotter!r} shows no folders: it is not llm-snapshotter"
            )
        return Path(answer.mounts[0].source)

    async def commit(self, snapshotter: str, name: str, key: str) -> None:
        """Make the active snapshot `key` the committed one `name`. ContainerdError."""
        request = snapshots_pb2.CommitSnapshotRequest(snapshotter=snapshotter, name=name, key=key)
        await self._call(self._snapshots.Commit, request)

    async def remove(self, snapshotter: str, key: str) -> None:
        """Remove the snapshot `key`. ContainerdError."""
        request = snapshots_pb2.RemoveSnapshotRequest(snapshotter=snapshotter, key=key)
        await self._call(self._snapshots.Remove, request)

    # ---- leases

    @asynccontextmanager
    async def leased(self) -> AsyncIterator[None]:
        """Nothing that is made meanwhile is collected, also if we die: then for a day."""
        until = (datetime.now(UTC) + _LONGEST_LEASE).isoformat(timespec="seconds")
        request = leases_pb2.CreateRequest(
            id=f"adopt-{uuid.uuid4().hex}", labels={"containerd.io/gc.expire": until}
        )
        await self._call(self._leases.Create, request)
        before = self._metadata
        self._metadata = (*before, ("containerd-lease", request.id))
        try:
            yield
        finally:
            self._metadata = before
            with contextlib.suppress(ContainerdError):
                await self._call(self._leases.Delete, leases_pb2.DeleteRequest(id=request.id))

    async def _call(self, method: Any, request: Any) -> Any:
        with _told():
            call: Awaitable[Any] = method(request, metadata=self._metadata, timeout=_CALL_S)
            return await call


@asynccontextmanager
async def containerd_at(address: Path, namespace: str) -> AsyncIterator[Containerd]:
    """The one that listens on the unix socket `address`."""
    if not address.is_socket():
        raise ContainerdError(f"{address}: no containerd listens there; name its socket with --address")
    async with grpc.aio.insecure_channel(f"unix:{address}") as channel:
        yield Containerd(channel, namespace)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise ContainerdError(f"containerd: {error.details()}") from None
