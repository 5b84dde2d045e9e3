from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest

from bronzewillow.testing.aio import run
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import (
    RuntimeServiceServicer,
    RuntimeServiceStub,
    add_RuntimeServiceServicer_to_server,
)
from runtime.cri.errors import FailedPrecondition, status_of
from runtime.refusing import Refusing
from runtime.registry.errors import NotThere

pytestmark = pytest.mark.loopback


class Service(RuntimeServiceServicer):
    async def Version(self, request: api.VersionRequest, context: Any) -> api.VersionResponse:
        match request.version:
            case "refused":
                raise FailedPrecondition("not now")
            case "registry":
                raise NotThere("no such image")
            case "disk":
                raise OSError(28, "No space left on device", "/x")
        return api.VersionResponse(version="1")

    async def GetContainerEvents(
        self, request: api.GetEventsRequest, context: Any
    ) -> AsyncIterator[api.ContainerEventResponse]:
        yield api.ContainerEventResponse(container_id="a")
        raise FailedPrecondition("too slow")


def test_refusals_become_statuses() -> None:
    async def main() -> None:
        with TemporaryDirectory(prefix="bw") as folder:
            path = Path(folder) / "s"
            server = grpc.aio.server(interceptors=[Refusing(status_of)])
            add_RuntimeServiceServicer_to_server(Service(), server)
            server.add_insecure_port(f"unix:{path}")
            await server.start()
            async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
                stub = RuntimeServiceStub(channel)
                assert (await stub.Version(api.VersionRequest())).version == "1"
                for word, code, text in (
                    ("refused", grpc.StatusCode.FAILED_PRECONDITION, "not now"),
                    ("registry", grpc.StatusCode.UNKNOWN, "no such image"),
                    ("disk", grpc.StatusCode.UNKNOWN, "/x: No space left on device"),
                ):
                    with pytest.raises(grpc.aio.AioRpcError) as raised:
                        await stub.Version(api.VersionRequest(version=word))
                    assert (raised.value.code(), raised.value.details()) == (code, text)
                stream = stub.GetContainerEvents(api.GetEventsRequest())
                assert (await stream.read()).container_id == "a"
                with pytest.raises(grpc.aio.AioRpcError, match="too slow"):
                    await stream.read()
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await stub.Status(api.StatusRequest())
                assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
            await server.stop(0)

    run(main())
