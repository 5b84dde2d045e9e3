"""The contract of API servers: played on the double, and on a real control plane where K8S_BIN names one."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import AlreadyExists
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver import seed
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.control_plane.plane import ControlPlane, control_plane

from .scene import TOKEN, Plane, Scene

K8S_BIN = os.environ.get("K8S_BIN", "")
Body = Callable[[Scene], Awaitable[None]]
Play = Callable[[Body], None]


@pytest.fixture(scope="session")
def real_plane() -> Iterator[ControlPlane]:
    """One for all cases."""
    with control_plane(Path(K8S_BIN)) as plane:
        yield plane


@pytest.fixture(params=["double", *(["real"] if K8S_BIN else [])])
def play(request: pytest.FixtureRequest) -> Play:
    """Plays a case."""

    async def on_double(body: Body) -> None:
        async with api_server() as server:
            await _play(server, body, is_real=False)

    if request.param == "double":
        return lambda body: run(on_double(body))
    plane: ControlPlane = request.getfixturevalue("real_plane")
    return lambda body: run(_play(plane, body, is_real=True), timeout_s=90)


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
