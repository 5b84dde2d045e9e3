"""Actions, carried out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from bronzewillow.kube.errors import Conflict, KubeError, NotFound, Unreachable
from bronzewillow.kube.resources import Object as Json
from bronzewillow.kube.resources import Resource
from bronzewillow.testing.aio import run
from kubelet.model import actions as a
from kubelet.model.environment import ConfigError
from kubelet.model.observed import ObservedPod
from kubelet.model.outcomes import Done, Failed, ImageFound, Made, Outcome, Pulled
from kubelet.pods.execution import Execution, address_of, container_of
from kubelet.pods.image_puller import ImagePuller
from kubelet.probes.door import Door
from kubelet.provider.client import RuntimeClient
from kubelet.provider.container_config import Resolved
from kubelet.provider.logs import LogFolders
from kubelet.provider.observing import observe
from kubelet.references import References
from kubelet.volumes.pod_volumes import PodVolumes, VolumeFolders
from kubelet.volumes.tokens import Tokens

from ..conftest import CriDouble, pod, runtime_double

pytestmark = pytest.mark.loopback


class Rig:
    def __init__(self, folder: Path, double: CriDouble, client: RuntimeClient) -> None:
        self.folder, self.double, self.client = folder, double, client
        self.pod = pod(volumes=[{"name": "v", "emptyDir": {}}])
        self.told: list[str] = []
        self.error: Exception | None = None
        self.network = ""
        references = References(self, lambda: 0)
        self.execution = Execution(
            client,
            PodVolumes(VolumeFolders(folder), references, Tokens(self, lambda: 0, lambda: 0.0), lambda *_:
            ""), ImagePuller(client, references, lambda *_: None, lambda: 0), Door(folder / "door"),
            LogFolders(folder / "logs"), self, self, self.resolve, lambda: self.network,
        )  # fmt: skip

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Json:
        raise NotFound(name)

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Json, namespace: str = ""
    ) -> Json:
        raise NotFound(name)

    async def flush(self, pod_uid: str) -> None:
        self.told.append(f"flush {pod_uid}")

    async def delete_pod(self, pod: Any) -> None:
        self.told.append("delete")
        if self.error is not None:
            raise self.error

    async def resolve(self, pod: Any, container: Any, observed: ObservedPod | None) -> Resolved:
        if self.error is not None:
            raise self.error
        return Resolved(args=["--context", "9"])

    async def do(self, action: a.Action) -> Outcome:
        return await self.execution.execute(self.pod, action, await observe(self.client, "u1", 0))

    async def sandbox(self) -> str:
        made = await self.do(a.CreateSandbox(0))
        assert isinstance(made, Made)
        return made.id

    def creation(self, sandbox: str) -> a.CreateContainer:
        return a.CreateContainer("llm", 2, sandbox, "tiny:v1", "sha256:1", "abc")


@asynccontextmanager
async def rigged(folder: Path) -> AsyncIterator[Rig]:
    async with runtime_double() as (double, client):
        yield Rig(folder, double, client)


def test_a_pod_from_first_to_last(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            assert await rig.do(a.SetUpVolumes()) == Done()
            assert (tmp_path / "pods/u1/volumes/kubernetes.io~empty-dir/v").is_dir()
            sandbox = await rig.sandbox()
            logs = tmp_path / "logs/pods/default_tiny_u1"
            assert logs.is_dir()
            made = await rig.do(rig.creation(sandbox))
            assert isinstance(made, Made)
            config = rig.double.container_configs[made.id]
            assert (config.log_path, list(config.args)) == ("llm/2.log", ["--context", "9"])
            assert await rig.do(a.StartContainer("llm", made.id)) == Done()
            link = tmp_path / f"logs/containers/tiny_default_llm-{made.id}.log"
            assert link.readlink() == logs / "llm/2.log"
            (logs / "llm").mkdir()
            (logs / "llm/2.log").write_text("x")
            assert await rig.do(a.StopContainer("llm", made.id, 5)) == Done()
            assert "StopContainer 5" in rig.double.calls
            assert await rig.do(a.RemoveContainer("llm", made.id)) == Done()
            assert not (logs / "llm/2.log").exists()
            assert not link.is_symlink()
            assert await rig.do(a.StopSandbox(sandbox)) == Done()
            assert await rig.do(a.RemoveSandbox(sandbox)) == Done()
            assert await rig.do(a.TearDownVolumes()) == Done()
            assert not (tmp_path / "pods/u1").exists()

    run(main())


def test_images(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            assert await rig.do(a.InspectImage("llm", "r.example/m")) == ImageFound("")
            assert isinstance(await rig.do(a.PullImage("llm", "r.example/m")), Pulled)
            assert await rig.do(a.InspectImage("llm", "r.example/m")) == ImageFound("sha256:r.example/m")
            rig.double.refusals["ImageStatus"] = (grpc.StatusCode.INVALID_ARGUMENT, "no name")
            assert await rig.do(a.InspectImage("llm", "?")) == Failed("no name", "InvalidImageName")
            rig.double.refusals["ImageStatus"] = (grpc.StatusCode.INTERNAL, "disk")
            assert await rig.do(a.InspectImage("llm", "x")) == Failed("disk", "ImageInspectError")

    run(main())


def test_the_reasons_that_show_in_a_status(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            sandbox = await rig.sandbox()
            missing = 'configmap "x" not found'
            for rig.error in (ConfigError(missing), Unreachable(missing)):
                assert await rig.do(rig.creation(sandbox)) == Failed(missing, "CreateContainerConfigError")
            rig.error = None
            for call, reason in (
                ("CreateContainer", "CreateContainerError"),
                ("StartContainer", "RunContainerError"),
            ):
                rig.double.refusals[call] = (grpc.StatusCode.INVALID_ARGUMENT, "cannot be")
                action = rig.creation(sandbox) if call == "CreateContainer" else a.StartContainer("llm", "c")
                assert await rig.do(action) == Failed("cannot be", reason)

    run(main())


def test_a_runtime_that_refuses_and_a_network_that_is_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            rig.network = "network is not ready: no agent"
            assert await rig.do(a.CreateSandbox(0)) == Failed("network is not ready: no agent")
            assert rig.double.sandboxes == {}
            rig.network = ""
            rig.double.refusals["RunPodSandbox"] = (grpc.StatusCode.UNAVAILABLE, "no address is left")
            assert await rig.do(a.CreateSandbox(0)) == Failed("no address is left")

    run(main())


def test_volumes_that_cannot_be(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            rig.pod["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "x"}}]
            failed = await rig.do(a.SetUpVolumes())
            assert failed == Failed('MountVolume.SetUp failed for volume "c" : configmap "x" not found')

    run(main())


@pytest.mark.parametrize("error", [None, NotFound("gone", code=404), Conflict("another", code=409)])
def test_the_object_goes_after_its_last_status(tmp_path: Path, error: KubeError | None) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            rig.error = error
            assert await rig.do(a.DeletePodObject()) == Done()
            assert rig.told == ["flush u1", "delete"]

    run(main())


def test_an_object_that_cannot_be_deleted_yet(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            rig.error = Unreachable("away")
            assert await rig.do(a.DeletePodObject()) == Failed("away")

    run(main())


def test_probes_and_hooks(tmp_path: Path) -> None:
    async def main() -> None:
        async with rigged(tmp_path) as rig:
            command = {"exec": {"command": ["true"]}}
            probe = a.Probe("llm", "c1", a.ProbeKind.LIVENESS, 1, command)
            assert (
                str(await rig.do(probe))
                == "Probed(result=<ProbeResult.SUCCESS: 'successful'>, output='outerr')"
            )
            hook = a.RunHook("llm", "c1", a.HookKind.PRE_STOP, 1, {"sleep": {"seconds": 0}})
            assert await rig.do(hook) == Done()
            endless = a.RunHook("llm", "c1", a.HookKind.POST_START, 0, command)
            assert await rig.do(endless) == Done()

    run(main())


def test_a_pod_is_looked_at() -> None:
    assert container_of(pod(), "llm")["image"] == "tiny:v1"
    assert container_of(pod(), "none") == {}
    assert address_of(None) == address_of(ObservedPod(0)) == ""
