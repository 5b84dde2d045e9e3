"""What the Node tells of the runtime."""

from __future__ import annotations

import grpc

from bronzewillow.testing.aio import run
from kubelet.model.node_facts import Image, Runtime
from kubelet.node.runtime_status import RuntimeLook, RuntimeWatch, image
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.readiness import Readiness
from runtime.api import cri_pb2 as api


class Calls:
    """A runtime that can go away, and whose lists come."""

    hears = True
    listed_at: int | None = 0

    def __init__(self) -> None:
        self.is_down = False

    async def version(self) -> api.VersionResponse:
        self._refuse()
        return api.VersionResponse(runtime_name="llm-containerd", runtime_version="0.1.0")

    async def status(self) -> api.StatusResponse:
        ready = [api.RuntimeCondition(type=kind, status=True) for kind in ("RuntimeReady", "NetworkReady")]
        return api.StatusResponse(status=api.RuntimeStatus(conditions=ready))

    async def images(self) -> list[api.Image]:
        self._refuse()
        return [api.Image(repo_tags=["a:1"], repo_digests=["a@sha256:0"], size=7)]

    async def sandboxes(self) -> list[api.PodSandbox]:
        states = api.PodSandboxState.SANDBOX_READY, api.PodSandboxState.SANDBOX_NOTREADY
        return [api.PodSandbox(state=state) for state in states]

    def _refuse(self) -> None:
        if self.is_down:
            raise RuntimeRefusal("no such file", grpc.StatusCode.UNAVAILABLE)


def test_a_runtime_that_goes_away_and_comes_back() -> None:
    calls = Calls()
    watch = RuntimeWatch(calls, Readiness(calls, calls), lambda: 5)

    async def main() -> None:
        first = await watch.look()
        runtime = Runtime("llm-containerd", "0.1.0", problem="")
        assert first == RuntimeLook(runtime, (Image(("a@sha256:0", "a:1"), 7),), 1)
        calls.is_down = True
        assert await watch.look() == RuntimeLook(
            Runtime("llm-containerd", "0.1.0", "container runtime is down")
        )
        calls.is_down = False
        assert await watch.look() == first

    run(main())


def test_an_image_is_named_by_its_digest_first() -> None:
    assert image(api.Image(repo_tags=["a:1"], repo_digests=["a@sha256:0"], size=1)).names == (
        "a@sha256:0",
        "a:1",
    )
