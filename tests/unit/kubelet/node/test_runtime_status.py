from __future__ import annotations

import grpc

from bronzewillow.testing.aio import run
from kubelet.model.node_facts import Image, Runtime
from kubelet.node.runtime_status import RuntimeLook, RuntimeWatch, image, problems
from kubelet.provider.errors import RuntimeRefusal
from runtime.api import cri_pb2 as api


class Calls:
    """A runtime that can go away."""

    def __init__(self) -> None:
        self.is_down = False

    async def version(self) -> api.VersionResponse:
        if self.is_down:
            raise RuntimeRefusal("no such file", grpc.StatusCode.UNAVAILABLE)
        return api.VersionResponse(runtime_name="llm-containerd", runtime_version="0.1.0")

    async def status(self) -> api.StatusResponse:
        return api.StatusResponse(status=api.RuntimeStatus(conditions=[condition("RuntimeReady")]))

    async def images(self) -> list[api.Image]:
        return [api.Image(repo_tags=["a:1"], repo_digests=["a@sha256:0"], size=7)]

    async def sandboxes(self) -> list[api.PodSandbox]:
        states = api.PodSandboxState.SANDBOX_READY, api.PodSandboxState.SANDBOX_NOTREADY
        return [api.PodSandbox(state=state) for state in states]


def condition(kind: str, *, status: bool = True, reason: str = "", message: str = "") -> api.RuntimeCondition:
    return api.RuntimeCondition(type=kind, status=status, reason=reason, message=message)


def test_a_runtime_that_goes_away_keeps_its_name() -> None:
    calls = Calls()
    watch = RuntimeWatch(calls)

    async def main() -> None:
        first = await watch.look()
        runtime, images = first.runtime, first.images
        assert first.pods == 1
        assert (runtime.name, runtime.version, runtime.problem) == ("llm-containerd", "0.1.0", "")
        assert images == (Image(("a@sha256:0", "a:1"), 7),)
        calls.is_down = True
        assert await watch.look() == RuntimeLook(
            Runtime("llm-containerd", "0.1.0", "container runtime is down")
        )
        calls.is_down = False
        assert (await watch.look()).runtime == runtime

    run(main())


def test_problems_are_in_a_kubelets_words() -> None:
    good = condition("RuntimeReady")
    bad = condition("NetworkReady", status=False, reason="NetworkPluginNotReady", message="gone")
    assert problems([good, condition("NetworkReady")]) == ("", "")
    assert problems([good, bad]) == (
        "",
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:gone",
    )
    assert problems([])[0] == "container runtime not ready: condition RuntimeReady is not set"


def test_an_image_is_named_by_its_digest_first() -> None:
    assert image(api.Image(repo_tags=["a:1"], repo_digests=["a@sha256:0"], size=1)).names == (
        "a@sha256:0",
        "a:1",
    )
