"""The contract of API servers: played on the double, and on a real control plane where K8S_BIN names one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import AlreadyExists
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver import seed
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.control_plane.plane import ControlPlane

from ..conftest import K8S_BIN
from .scene import TOKEN, Plane, Scene

Body = Callable[[Scene], Awaitable[None]]
Play = Callable[[Body], None]


@pytest.fixture(params=["double", *(["real"] if K8S_BIN else [])])
def play(request: pytest.FixtureRequest) -> Play:
    """Plays a case."""

    async def on_double(body: Body) -> None:
        async with api_server() as server:
            await _play(server, body, is_real=False)

    if request.param == "double":
        return lambda body: run(on_double(body))
    plane: ControlPlane = request.getfixturevalue("real_plane")
    return lambda body: run(_play(plane, body, is_real=True))


async def _play(plane: Plane, body: Body, *, is_real: bool) -> None:
    async with KubeClient(plane.admin()) as admin:
        for resource, obj in seed.for_joining(TOKEN):
            with suppress(AlreadyExists):
                await admin.create(resource, obj)
        scene = Scene(plane, admin, is_real=is_real)
        await scene.prepare()
        try:
            await body(scene)
        finally:
            await scene.close()
