from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import run
from bronzewillow.testing.node_processes import NodeProcesses, kill
from kubelet.static.cri import Cri
from kubelet.static.end_all import end_all
from kubelet.static.folder import Folder
from kubelet.static.observed import ObservedPod, State
from kubelet.static.runner import Runner

from .conftest import Manifests

pytestmark = pytest.mark.loopback


@asynccontextmanager
async def running(cri: Cri, manifests: Manifests) -> AsyncIterator[Runner]:
    runner = Runner(Folder(manifests.path, "mac"), cri)
    task = spawn(runner.run(), name="runner")
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(cri: Cri, is_so: Callable[[list[ObservedPod]], bool]) -> list[ObservedPod]:
    while True:
        with contextlib.suppress(grpc.aio.AioRpcError):  # of a runtime that has just been started again
            if is_so(pods := await cri.observe()):
                return pods
        await asyncio.sleep(0)


class Heard(logging.Handler):
    """Waits for a line of the log, from when it is made."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._heard = asyncio.Event()
        logging.getLogger("kubelet.static").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self._heard.set()

    async def wait(self) -> None:
        await self._heard.wait()
        logging.getLogger("kubelet.static").removeHandler(self)


def serving(*names: str) -> Callable[[list[ObservedPod]], bool]:
    """Exactly these pods, with a container that runs each."""
    wanted = sorted(f"default/{name}-mac" for name in names)
    return lambda pods: (
        sorted(pod.full_name for pod in pods if has(pod, State.RUNNING)) == wanted
        and len(pods) == len(wanted)
    )


def has(pod: ObservedPod, state: State) -> bool:
    return any(one.state is state for one in pod.containers)


def test_pods_come_and_go_with_their_manifests(
    node: NodeProcesses, manifests: Manifests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with Cri(node.cri, tmp_path / "logs") as cri:
            manifests.write("a")
            manifests.write("b")
            async with running(cri, manifests) as runner:
                pods = {pod.full_name: pod for pod in await until(cri, serving("a", "b"))}
                (manifests.path / "b.yaml").unlink()
                runner.reread()
                await until(cri, serving("a"))
                # a mistake harms nobody
                (manifests.path / "a.yaml").write_text("kind: [")
                manifests.write("c")
                runner.reread()
                after = {pod.full_name: pod for pod in await until(cri, serving("a", "c"))}
                old = after["default/a-mac"]
                assert old == pods["default/a-mac"]
                # another manifest is another pod
                manifests.write("a", served="other")
                runner.reread()
                await until(
                    cri,
                    lambda pods: serving("a", "c")(pods) and all(pod.uid != old.uid for pod in pods),
                )
            # the next runner finds everything as it should be
            before = await cri.observe()
            async with running(cri, manifests):
                manifests.write("d")
                await until(cri, serving("a", "c", "d"))
            assert {pod.sandbox_id for pod in before} < {pod.sandbox_id for pod in await cri.observe()}
            await end_all(cri)

    run(main())
    assert "a.yaml:1: YAML" in caplog.text
    assert "pod default/b-mac has ended" in caplog.text


def test_a_manifest_that_is_broken_when_the_next_runner_starts(
    node: NodeProcesses, manifests: Manifests, tmp_path: Path
) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path / "logs") as cri:
            manifests.write("a")
            async with running(cri, manifests):
                before = await until(cri, serving("a"))
            (manifests.path / "a.yaml").write_text("kind: [")
            manifests.write("b")
            async with running(cri, manifests):
                pods = await until(cri, serving("a", "b"))
            assert before[0] in pods
            await end_all(cri)

    run(main())


def test_what_dies_is_started_again(
    node: NodeProcesses, manifests: Manifests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path / "logs") as cri:
            manifests.write("a")
            manifests.write("once", policy="Never")
            async with running(cri, manifests):
                await until(cri, serving("a", "once"))
                for process in node.left_processes():
                    if "runm" in " ".join(process.cmdline()) and "shim" not in " ".join(process.cmdline()):
                        process.send_signal(9)

                def is_so(pods: list[ObservedPod]) -> bool:
                    attempts = {
                        pod.full_name: [one.attempt for one in pod.containers if one.state is State.RUNNING]
                        for pod in pods
                    }
                    return attempts == {"default/a-mac": [1], "default/once-mac": []}

                pods = await until(cri, is_so)
                assert all(has(pod, State.EXITED) for pod in pods)
            await end_all(cri)

    run(main())
    assert "container llm ended with 137 (Error)" in caplog.text
    assert "; it is started again" in caplog.text


def test_what_cannot_be_started_is_told_and_harms_nobody(
    node: NodeProcesses, manifests: Manifests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path / "logs") as cri:
            heard = Heard("pod default/bad-mac: container llm cannot be started")
            manifests.write("bad", image="Bad::Name")
            manifests.write("good")
            async with running(cri, manifests):
                await until(cri, lambda pods: any(has(pod, State.RUNNING) for pod in pods))
                await heard.wait()
            await end_all(cri)

    run(main())
    assert "again in 10 s" in caplog.text


def test_a_runtime_that_goes_and_comes(
    node: NodeProcesses, manifests: Manifests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with Cri(node.cri, tmp_path / "logs") as cri:
            manifests.write("a")
            async with running(cri, manifests):
                (before,) = await until(cri, serving("a"))
                heard = Heard("the runtime does not answer")
                kill(node.runtime)
                await heard.wait()
                await asyncio.to_thread(node.start_runtime)
                manifests.write("b")
                after = await until(cri, serving("a", "b"))
                assert before in after
            await end_all(cri)

    run(main())
    assert "the runtime answers again" in caplog.text


def test_a_folder_that_vanishes_changes_nothing(
    node: NodeProcesses, manifests: Manifests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with Cri(node.cri, tmp_path / "logs") as cri:
            manifests.write("a")
            async with running(cri, manifests) as runner:
                (before,) = await until(cri, serving("a"))
                manifests.path.rename(tmp_path / "away")
                runner.reread()
                runner.read_folder()
                runner.read_folder()
                assert caplog.text.count("everything stays as it is") == 1
                assert await cri.observe() == [before]
            await end_all(cri)

    run(main())


def test_a_mistake_is_told_once_and_again_to_whoever_asks(
    manifests: Manifests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = manifests.path / "a.yaml"
    manifests.write("a", policy="Sometimes")
    manifests.write("b")

    async def main() -> None:
        async with Cri(tmp_path / "none.sock", tmp_path) as cri:
            runner = Runner(Folder(manifests.path, "mac"), cri)

            def told() -> list[str]:
                caplog.clear()
                runner.read_folder()
                return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]

            (mistake,) = told()
            assert str(broken) in mistake
            manifests.write("c")
            assert told() == []
            (manifests.path / "d.yaml").write_text("kind: [")
            (other,) = told()
            assert "d.yaml" in other
            runner.reread()
            assert told() == [mistake, other]
            manifests.write("a")
            assert told() == []
            manifests.write("a", policy="Sometimes")  # one that was gone is a new one
            assert told() == [mistake]

    run(main())
