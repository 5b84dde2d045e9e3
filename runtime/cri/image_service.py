"""runtime.v1.ImageService."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import Any

from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import ImageServiceServicer
from runtime.cri.node import Node

_Context = Any


class ImageService(ImageServiceServicer):
    """Of one store. Refusals are turned into gRPC's status by the server."""

    def __init__(self, node: Node) -> None:
        self._node, self._images = node, node.images

    async def ListImages(self, request: api.ListImagesRequest, context: _Context) -> api.ListImagesResponse:
        """All, or the one that the filter names."""
        wanted = request.filter.image.image
        if not wanted:
            return api.ListImagesResponse(images=[one.to_api() for one in self._images.all()])
        found = self._images.find(wanted)
        return api.ListImagesResponse(images=[] if found is None else [found.to_api()])

    async def ImageStatus(
        self, request: api.ImageStatusRequest, context: _Context
    ) -> api.ImageStatusResponse:
        """One; an empty answer when it is not here, as CRI has it."""
        found = self._images.find(request.image.image)
        answer = api.ImageStatusResponse(image=None if found is None else found.to_api())
        if not request.verbose:
            return answer
        if (progress := self._images.progress(request.image.image)) is not None:
            answer.info["pull"] = json.dumps(progress)
        if found is not None:
            manifest = found.stored[0].manifest
            answer.info["manifest"] = manifest.raw.decode(errors="replace")
            answer.info["info"] = json.dumps({"mediaType": manifest.media_type})
        return answer

    async def PullImage(self, request: api.PullImageRequest, context: _Context) -> api.PullImageResponse:
        """From its registry; one that is here is looked for anew, as its tag may have moved."""
        image = request.image.image
        waits = [
            one for one in self._node.sandboxes if one.config.metadata == request.sandbox_config.metadata
        ]
        with ExitStack() as noted:
            for sandbox in waits:
                noted.enter_context(self._node.waiting.noted(sandbox.id, image, f"{image} is pulled"))
            return api.PullImageResponse(image_ref=await self._images.pull(image, request.auth))

    async def RemoveImage(
        self, request: api.RemoveImageRequest, context: _Context
    ) -> api.RemoveImageResponse:
        """With all of its names."""
        self._images.remove(request.image.image)
        return api.RemoveImageResponse()

    async def ImageFsInfo(
        self, request: api.ImageFsInfoRequest, context: _Context
    ) -> api.ImageFsInfoResponse:
        """The disk that images are on."""
        root, used_bytes, files = self._images.usage()
        usage = api.FilesystemUsage(
            timestamp=time.time_ns(),
            fs_id=api.FilesystemIdentifier(mountpoint=str(root)),
            used_bytes=api.UInt64Value(value=used_bytes),
            inodes_used=api.UInt64Value(value=files),
        )
        return api.ImageFsInfoResponse(image_filesystems=[usage], container_filesystems=[usage])
