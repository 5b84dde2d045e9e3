"""A containerd that answers what `adopt` asks, with our own snapshotter behind it; the lab has a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from runtime.api import content_pb2, images_pb2, leases_pb2
from runtime.api.content_pb2_grpc import ContentServicer, add_ContentServicer_to_server
from runtime.api.images_pb2_grpc import ImagesServicer, add_ImagesServicer_to_server
from runtime.api.leases_pb2_grpc import LeasesServicer, add_LeasesServicer_to_server
from runtime.api.snapshots_pb2_grpc import add_SnapshotsServicer_to_server
from runtime.containerd.adapted import digest_of
from runtime.containerd.errors import status_of
from runtime.containerd.snapshots_service import SnapshotsService
from runtime.refusing import Refusing
from runtime.snapshots import Snapshotter


@dataclass
class Rig:
    """What it has, and what it was told."""

    folder: Path
    images: dict[str, images_pb2.Image] = field(default_factory=dict)
    content: dict[str, bytes] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    leases: list[str] = field(default_factory=list)
    told_leases: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.snapshotter = Snapshotter(self.folder / "snapshots")

    @property
    def address(self) -> Path:
        return self.folder / "c.sock"

    def keep(self, data: bytes) -> str:
        digest = digest_of(data)
        self.content[digest] = data
        return digest

    def note_lease(self, context: Any) -> None:
        self.told_leases.add(dict(context.invocation_metadata())["containerd-lease"])


class Images(ImagesServicer):
    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def Get(self, request: images_pb2.GetImageRequest, context: Any) -> images_pb2.GetImageResponse:
        if request.name not in self._rig.images:
            await context.abort(grpc.StatusCode.NOT_FOUND, f'image "{request.name}": not found')
        return images_pb2.GetImageResponse(image=self._rig.images[request.name])

    async def Update(
        self, request: images_pb2.UpdateImageRequest, context: Any
    ) -> images_pb2.UpdateImageResponse:
        self._rig.note_lease(context)
        assert "target" in request.update_mask.paths
        self._rig.images[request.image.name].CopyFrom(request.image)
        return images_pb2.UpdateImageResponse(image=request.image)


class Content(ContentServicer):
    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def Update(self, request: content_pb2.UpdateRequest, context: Any) -> content_pb2.UpdateResponse:
        self._rig.note_lease(context)
        assert sorted(f"labels.{key}" for key in request.info.labels) == sorted(request.update_mask.paths)
        self._rig.labels.setdefault(request.info.digest, {}).update(request.info.labels)
        return content_pb2.UpdateResponse(info=request.info)

    async def Info(self, request: content_pb2.InfoRequest, context: Any) -> content_pb2.InfoResponse:
        data = await self._data(request.digest, context)
        return content_pb2.InfoResponse(info=content_pb2.Info(digest=request.digest, size=len(data)))

    async def Read(
        self, request: content_pb2.ReadContentRequest, context: Any
    ) -> AsyncIterator[content_pb2.ReadContentResponse]:
        data = await self._data(request.digest, context)
        for start in range(0, len(data), 1000):
            yield content_pb2.ReadContentResponse(offset=start, data=data[start : start + 1000])

    async def Write(
        self, requests: AsyncIterator[content_pb2.WriteContentRequest], context: Any
    ) -> AsyncIterator[content_pb2.WriteContentResponse]:
        self._rig.note_lease(context)
        async for request in requests:
            assert request.action == content_pb2.COMMIT and request.total == len(request.data)
            if request.expected in self._rig.content:
                await context.abort(grpc.StatusCode.ALREADY_EXISTS, "blob exists")
            digest = self._rig.keep(request.data)
            assert digest == request.expected
            self._rig.labels.setdefault(digest, {}).update(request.labels)
            yield content_pb2.WriteContentResponse(action=request.action, digest=digest)

    async def _data(self, digest: str, context: Any) -> bytes:
        if digest not in self._rig.content:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"content {digest}: not found")
        return self._rig.content[digest]


class Leases(LeasesServicer):
    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def Create(self, request: leases_pb2.CreateRequest, context: Any) -> leases_pb2.CreateResponse:
        assert "containerd.io/gc.expire" in request.labels
        self._rig.leases.append(request.id)
        return leases_pb2.CreateResponse(lease=leases_pb2.Lease(id=request.id))

    async def Delete(self, request: leases_pb2.DeleteRequest, context: Any) -> Empty:
        self._rig.leases.remove(request.id)
        return Empty()


@asynccontextmanager
async def double(folder: Path) -> AsyncIterator[Rig]:
    """It serves while inside."""
    rig = Rig(folder)
    server = grpc.aio.server(interceptors=[Refusing(status_of)])
    add_SnapshotsServicer_to_server(SnapshotsService(rig.snapshotter), server)
    add_ImagesServicer_to_server(Images(rig), server)
    add_ContentServicer_to_server(Content(rig), server)
    add_LeasesServicer_to_server(Leases(rig), server)
    server.add_insecure_port(f"unix:{rig.address}")
    await server.start()
    try:
        yield rig
    finally:
        await server.stop(0)
