"""From a token to a node, by one command and real programs, to its end, on an API server in memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from bronzewillow.kube.resources import CONFIG_MAPS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS, Object
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, joinable
from bronzewillow.testing.ports import free_tcp_port, free_udp_port
from bronzewillow.testing.up_processes import Place, Up, node_place
from kubelet.certificates.pins import pin_of
from kubelet.membership.setup import setup_objects

pytestmark = pytest.mark.e2e
KINDS = {
    one.kind: one
    for one in (NAMESPACES, SERVICE_ACCOUNTS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)
}
PROGRAMS = {"agent": "agent", "llm-containerd": "llm-containerd", "kubelet": "llm-kubelet"}
BRONZEWILLOW = str(Path(sys.executable).with_name("bronzewillow"))
FLANNEL = "flannel.alpha.coreos.com/"


@pytest.fixture
def place() -> Iterator[Place]:
    with node_place() as place:
        yield place


def environment(place: Place) -> dict[str, str]:
    """Of a user whose folders are in the place."""
    for name in ("run", "state"):
        (place.root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    own = {"XDG_RUNTIME_DIR": str(place.root / "run"), "XDG_STATE_HOME": str(place.root / "state")}
    return {**os.environ, **place.environment, **own}


async def start(place: Place, *words: str) -> Up:
    """`bronzewillow ...`, with the token on its standard input."""
    process = await asyncio.create_subprocess_exec(
        BRONZEWILLOW, *words, env=environment(place), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(TOKEN.encode())
    process.stdin.close()
    return Up(process)


async def end_of(up: Up) -> str:
    """All that it said, once it has ended."""
    assert up.process.stderr is not None
    up.log += (await up.process.stderr.read()).decode()
    await up.process.wait()
    return up.log


@asynccontextmanager
async def cluster() -> AsyncIterator[Joinable]:
    """Flannel's, set up by an administrator, with one worker."""
    async with joinable() as found:
        for one in setup_objects():
            await found.admin.create(KINDS[one["kind"]], {**one, "metadata": dict(one["metadata"])})
        conf = json.dumps({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "Port": free_udp_port()}})
        metadata = {"namespace": "kube-system", "name": "kube-flannel-cfg"}
        await found.admin.create(CONFIG_MAPS, {"metadata": metadata, "data": {"net-conf.json": conf}})
        data = json.dumps({"VNI": 1, "VtepMAC": "02:aa:aa:aa:aa:01"})
        notes = {"kube-subnet-manager": "true", "backend-type": "vxlan", "public-ip": "127.0.0.2"}
        annotations = {FLANNEL + key: value for key, value in {**notes, "backend-data": data}.items()}
        await found.admin.create(NODES, {"metadata": {"name": "worker", "annotations": annotations}})
        yield found


def pod() -> Object:
    probe = {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}
    container = {
        "name": "llm", "image": "tiny", "imagePullPolicy": "IfNotPresent", "args": ["--engine", "echo"],
        "ports": [{"containerPort": 8080}], "readinessProbe": probe,
    }  # fmt: skip
    spec = {"nodeName": NODE, "terminationGracePeriodSeconds": 2, "containers": [container]}
    return {"metadata": {"name": "llm-0", "namespace": "default"}, "spec": spec}


def condition(obj: Object | None, kind: str) -> str:
    conditions: list[dict[str, Any]] = ((obj or {}).get("status") or {}).get("conditions") or []
    return next((str(one["status"]) for one in conditions if one["type"] == kind), "")


def published_address(node: Object | None) -> bool:
    """Whether peers can read where the node is."""
    metadata, status = (node or {}).get("metadata") or {}, (node or {}).get("status") or {}
    told = (metadata.get("annotations") or {}).get(FLANNEL + "public-ip")
    return told in [one["address"] for one in status.get("addresses") or ()]


async def until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 - only the server knows
        await asyncio.sleep(0.02)


def test_one_command_from_a_token_to_a_node_and_one_to_its_end(place: Place) -> None:
    async def main() -> None:
        await place.make_image()
        async with cluster() as found:
            store = found.server.store
            pin = pin_of(x509.load_pem_x509_certificate(found.server.authority.ca_pem)).hex()
            server = found.server.cluster.server
            words = (
                server, "--token-file", "-", "--ca-cert-hash", f"sha256:{pin}", "--node-name", NODE,
                "--kubelet-arg", f"port={free_tcp_port()}",
            )  # fmt: skip
            up = await start(place, "join", *words)
            await up.until("everything is ready")
            await until(lambda: condition(store.get(NODES, "", NODE), "Ready") == "True")
            await until(lambda: published_address(store.get(NODES, "", NODE)))
            assert TOKEN not in " ".join(word for words in place.commands().values() for word in words)

            await found.admin.create(PODS, pod())
            await until(lambda: condition(store.get(PODS, "default", "llm-0"), "Ready") == "True")
            first = (store.get(PODS, "default", "llm-0") or {})["status"]["containerStatuses"][0]

            again = await end_of(await start(place, "join", *words))
            assert f"this machine is node {NODE} of {server}, and runs" in again

            for name, program in PROGRAMS.items():
                place.daemon(program).kill()
                await up.until(f"{name} is ready", count=2)
            await until(lambda: condition(store.get(NODES, "", NODE), "Ready") == "True")
            later = (store.get(PODS, "default", "llm-0") or {})["status"]["containerStatuses"][0]
            assert (later["containerID"], later["restartCount"]) == (first["containerID"], 0)

            assert "has left the cluster" not in await end_of(await start(place, "leave"))
            log = await end_of(up)
            assert up.process.returncode == 0
            assert "this machine has left its cluster: there is no node to be" in log
            assert "Traceback" not in log
            assert store.get(PODS, "default", "llm-0") is None
            assert "SERVER is missing" in await end_of(await start(place, "join"))
        await until(lambda: not place.processes())  # a shim that was found again is nobody's child

    run(main(), 600)
