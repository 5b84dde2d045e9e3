"""Cases of a cluster that changes: on the double, and on a real control plane where K8S_BIN names one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bronzewillow.adapters.network import Cni
from bronzewillow.kube.client import KubeClient
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.control_plane.plane import ControlPlane

from ..apiserver.scene import Plane
from ..conftest import K8S_BIN
from .scene import Scene
from .worlds import World

Body = Callable[[Scene], Awaitable[None]]
Play = Callable[[Body], None]


@pytest.fixture(params=list(Cni), ids=lambda cni: cni.value)
def cni(request: pytest.FixtureRequest) -> Cni:
    """Each in turn."""
    found: Cni = request.param
    return found


@pytest.fixture(params=["double", *(["real"] if K8S_BIN else [])])
def play(request: pytest.FixtureRequest, cni: Cni) -> Play:
    """Plays a case in a cluster of that CNI."""

    async def on_double(body: Body) -> None:
        async with api_server() as server:
            await _play(server, body, cni)

    if request.param == "double":
        return lambda body: run(on_double(body))
    plane: ControlPlane = request.getfixturevalue("real_plane")
    return lambda body: run(_play(plane, body, cni))


async def _play(plane: Plane, body: Body, cni: Cni) -> None:
    async with KubeClient(plane.admin()) as admin:
        scene = Scene(plane, admin, World(cni))
        try:
            await body(scene)
        finally:
            await scene.clear()
