"""kill -9 at odd moments, of llm-kubelet and of llm-containerd: what was under way ends right, and once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS, PODS
from bronzewillow.testing.node_processes import NodeProcesses, kill
from bronzewillow.testing.registry import fake_registry
from bronzewillow.testing.slow_relay import slow_relay
from kubelet.provider.client import RuntimeClient
from runtime.api import cri_pb2 as api

from .conftest import PROBES, STORY_S, first, is_ready, pod, until
from .joined import JoinedNode, joined

pytestmark = pytest.mark.e2e
MOMENTS_S = (0.0, 0.1, 0.3, 0.6, 1.0)
"""After something was asked for."""
SLOW = 20_000
"""Bytes a second of a registry: a few seconds for an image."""


def on_node(processes: NodeProcesses, story: Callable[[JoinedNode], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(STORY_S), joined(processes) as node:
            await story(node)

    asyncio.run(main())


async def kill_runtime(processes: NodeProcesses) -> None:
    kill(processes.runtime)
    await asyncio.to_thread(processes.start_runtime)


async def assert_each_once(node: JoinedNode, *names: str) -> None:
    """One sandbox, one address and one container that runs for each of these pods, and nothing besides."""
    runtime = RuntimeClient(node.cluster.config.cri)
    leases = node.cluster.processes.state_folder / "leases"
    try:

        async def is_tidy() -> bool:
            sandboxes, containers = await runtime.sandboxes(), await runtime.containers()
            ready = [one for one in sandboxes if one.state == api.PodSandboxState.SANDBOX_READY]
            running = [one for one in containers if one.state == api.ContainerState.CONTAINER_RUNNING]
            created = [one for one in containers if one.state == api.ContainerState.CONTAINER_CREATED]
            owners = Counter(one.labels["io.kubernetes.pod.name"] for one in running)
            assert all(count == 1 for count in owners.values()), owners
            is_whole = {one.metadata.name for one in ready} == set(names) == set(owners)
            has_its_addresses = len(list(leases.rglob("10.244.7.*"))) == len(names)
            return is_whole and len(ready) == len(names) and not created and has_its_addresses

        await until(is_tidy)
    finally:
        await runtime.close()
    addresses = [(await node.cluster.until(name, is_ready))["status"]["podIP"] for name in names]
    assert len(set(addresses)) == len(names)


async def remove(node: JoinedNode, *names: str) -> None:
    for name in names:
        await node.cluster.admin.delete(PODS, name, "default")
    for name in names:
        await node.cluster.until_gone(name)
    await node.cluster.until_nothing_runs()


def test_the_kubelet_while_pods_begin(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode) -> None:
        found, names = node.cluster, list[str]()
        for moment_s in MOMENTS_S:
            async with node.process():
                await node.until_ready()
                for number in range(2):
                    names.append(f"p{len(names)}-{number}")
                    await found.admin.create(PODS, pod(names[-1], container=PROBES))
                await asyncio.sleep(moment_s)
        async with node.process():
            for name in names:
                one = await found.until(name, is_ready)
                assert first(one)["restartCount"] == 0, name
            await assert_each_once(node, *names)
            await remove(node, *names)

    on_node(processes, story)


def test_the_kubelet_while_pods_end(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode) -> None:
        found, names = node.cluster, [f"e{number}" for number in range(len(MOMENTS_S))]
        hook = {"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}
        async with node.process():
            for name in names:
                await found.admin.create(PODS, pod(name, container={**PROBES, **hook}))
            for name in names:
                await found.until(name, is_ready)
        for name, moment_s in zip(names, MOMENTS_S, strict=True):
            async with node.process():
                await node.until_ready()
                await found.admin.delete(PODS, name, "default")
                await asyncio.sleep(moment_s)
        async with node.process():
            for name in names:
                await found.until_gone(name)
            await found.until_nothing_runs()

    on_node(processes, story)


def test_the_runtime_while_pods_begin_and_end(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode) -> None:
        found, names = node.cluster, [f"r{number}" for number in range(len(MOMENTS_S))]
        async with node.process():
            await node.until_ready()
            for name, moment_s in zip(names, MOMENTS_S, strict=True):
                await found.admin.create(PODS, pod(name, container=PROBES))
                await asyncio.sleep(moment_s)
                await kill_runtime(processes)
            for name in names:
                await found.until(name, is_ready)
            await assert_each_once(node, *names)
            for name, moment_s in zip(names, MOMENTS_S, strict=True):
                await found.admin.delete(PODS, name, "default")
                await asyncio.sleep(moment_s)
                await kill_runtime(processes)
            for name in names:
                await found.until_gone(name)
            await found.until_nothing_runs()

    on_node(processes, story)


@pytest.mark.parametrize("victim", ["kubelet", "runtime"])
def test_either_while_an_image_is_pulled(processes: NodeProcesses, victim: str) -> None:
    async def story(node: JoinedNode) -> None:
        found = node.cluster
        async with fake_registry() as registry:
            image, insecure = f"{registry.host}/team/{victim}:v1", ("--insecure", registry.host)
            model = str(processes.folder / "tiny.gguf")
            for words in (("create", image, "--model", model), ("push", image, *insecure), ("rm", image)):
                await asyncio.to_thread(processes.run, "runtime.runm", *words)
            with slow_relay(registry.host, SLOW) as relay:
                processes.extra = ("--insecure", relay.host)
                await kill_runtime(processes)
                wanted = {**PROBES, "image": image.replace(registry.host, relay.host)}

                async def is_pulling() -> bool:
                    return relay.sent_bytes > 0

                async with node.process():
                    await node.until_ready()
                    await found.admin.create(PODS, pod("pulls", container=wanted))
                    await until(is_pulling)
                    if victim == "runtime":
                        await kill_runtime(processes)
                        await found.until("pulls", is_ready)
                async with node.process():
                    one = await found.until("pulls", is_ready)
                    assert first(one)["restartCount"] == 0
                    await assert_each_once(node, "pulls")
                    await remove(node, "pulls")

    on_node(processes, story)


def test_the_kubelet_while_it_asks_for_certificates(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode) -> None:
        found = node.cluster

        async def requests() -> list[str]:
            items = (await found.admin.list(CERTIFICATE_SIGNING_REQUESTS))["items"]
            return sorted(one["metadata"]["name"] for one in items if "serving" in one["spec"]["signerName"])

        async def has_asked() -> bool:
            return bool(await requests())

        async with node.process():
            await until(has_asked)
        asked = await requests()
        for _ in range(2):  # nobody has approved it: the same key asks by the same name
            async with node.process():
                await node.until_ready()
                await node.until_answering()  # by a certificate of its own
            assert await requests() == asked
        condition = {"type": "Approved", "status": "True", "reason": "ByTest", "message": "said the test"}
        async with node.process():
            await node.until_ready()
            await found.admin.patch(
                CERTIFICATE_SIGNING_REQUESTS,
                asked[0],
                {"status": {"conditions": [condition]}},
                subresource="approval",
            )
            pairs = node.options.home.serving_pairs

            async def is_signed() -> bool:
                return pairs.current() is not None

            await until(is_signed)
        async with node.process():  # and it is shown from the first moment on
            await node.until_ready()
            await node.until_answering()
            assert await requests() == asked

    on_node(processes, story)
