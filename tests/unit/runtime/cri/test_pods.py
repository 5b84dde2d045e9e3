from __future__ import annotations

import grpc
import pytest

from bronzewillow.testing.aio import run
from runtime.api import cri_pb2 as api
from runtime.cri.records import Records, Sandbox

from .conftest import InRig, Rig

pytestmark = pytest.mark.loopback


def test_a_pod_lives_from_run_to_remove(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        config = rig.pod_config(labels={"app": "a"}, annotations={"b": "c"})
        pod = await rig.run(config)
        found = await rig.pod_status(pod)
        assert found.state == api.PodSandboxState.SANDBOX_READY
        assert found.network.ip == "10.244.7.2"
        assert found.metadata == config.metadata
        assert (dict(found.labels), dict(found.annotations)) == ({"app": "a"}, {"b": "c"})
        for _ in range(2):  # again is no error
            await rig.runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=pod))
            found = await rig.pod_status(pod)
            assert (found.state, found.network.ip) == (api.PodSandboxState.SANDBOX_NOTREADY, "")
        for _ in range(2):
            await rig.remove_pod(pod)
        code, text = await rig.refused(rig.pod_status(pod))
        assert code == grpc.StatusCode.NOT_FOUND and pod in text
        await rig.runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=pod))
        assert rig.plugin_calls == [f"ADD {pod}", f"DEL {pod}"]
        for folder in ("s", "p", "root/sandboxes", "root/networks"):
            path = rig.folder / ("bronzewillow/s" if folder == "s" else folder)
            assert not path.exists() or not list(path.iterdir())

    in_rig(main)


def test_a_name_is_one_pods(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        config = rig.pod_config()
        await rig.run(config)
        code, _ = await rig.refused(rig.run(config))
        assert code == grpc.StatusCode.ALREADY_EXISTS
        config.metadata.attempt = 1
        await rig.run(config)

    in_rig(main)


def test_what_fails_leaves_nothing(in_rig: InRig) -> None:
    async def main(rig: Rig) -> None:
        down = rig.plugin.with_name("fake-net.down")
        down.touch()
        config = rig.pod_config()
        code, text = await rig.refused(rig.run(config))
        assert code == grpc.StatusCode.UNAVAILABLE and "the agent does not answer" in text
        assert not list((rig.folder / "root/sandboxes").iterdir())
        assert not list((rig.folder / "bronzewillow/s").iterdir())
        down.unlink()
        pod = await rig.run(config)
        down.touch()
        code, _ = await rig.refused(rig.remove_pod(pod))  # its address is not given back yet
        assert code == grpc.StatusCode.UNAVAILABLE
        assert (await rig.pod_status(pod)).state == api.PodSandboxState.SANDBOX_READY
        down.unlink()
        await rig.remove_pod(pod)

    in_rig(main)


@pytest.mark.parametrize(
    ("config", "handler", "words"),
    [
        (api.PodSandboxConfig(), "", "metadata"),
        (api.PodSandboxConfig(metadata=api.PodSandboxMetadata(name="a", uid="1")), "runc", "'runc'"),
    ],
)
def test_mistakes(in_rig: InRig, config: api.PodSandboxConfig, handler: str, words: str) -> None:
    async def main(rig: Rig) -> None:
        request = api.RunPodSandboxRequest(config=config, runtime_handler=handler)
        code, text = await rig.refused(rig.runtime.RunPodSandbox(request))
        assert code == grpc.StatusCode.INVALID_ARGUMENT and words in text

    in_rig(main)


def test_what_the_network_does_not_know_any_more_is_stopped_by_the_next(rig: Rig) -> None:
    async def main() -> None:
        async with rig.serving():
            lost, left = [await rig.run() for _ in range(2)]
        rig.plugin.with_name("fake-net.unknown").write_text(lost)
        async with rig.serving():
            while (await rig.pod_status(lost)).state == api.PodSandboxState.SANDBOX_READY:
                pass
            assert (await rig.pod_status(left)).state == api.PodSandboxState.SANDBOX_READY
            await rig.clear()
        assert rig.plugin_calls[2:] == [f"DEL {lost}", f"DEL {left}"]

    run(main())


def test_what_was_half_made_is_taken_back_by_the_next(rig: Rig) -> None:
    half = Sandbox("f" * 64, rig.pod_config(), 1)
    Records(rig.config.root / "sandboxes", Sandbox).put(half)

    async def main() -> None:
        async with rig.serving():
            code, _ = await rig.refused(rig.pod_status(half.id))
            assert code == grpc.StatusCode.NOT_FOUND

    rig.config.root.mkdir(exist_ok=True)
    run(main())
    assert rig.plugin_calls == [f"DEL {half.id}"]


def test_the_record_of_a_pod_is_the_last_of_it_that_goes(
    in_rig: InRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(rig: Rig) -> None:
        pod = await rig.run()
        sockets = rig.node.sockets_of(pod)
        sockets.mkdir(parents=True, exist_ok=True)
        remove = rig.node.sandboxes.remove
        left: list[bool] = []

        def seen(record: Sandbox) -> None:
            left.append(sockets.exists())
            remove(record)

        monkeypatch.setattr(rig.node.sandboxes, "remove", seen)
        await rig.remove_pod(pod)
        assert left == [False]

    in_rig(main)
