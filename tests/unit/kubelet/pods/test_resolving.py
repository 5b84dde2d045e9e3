"""What a container is told."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.kube.errors import NotFound, Unreachable
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from kubelet.model.decision import PodEvent
from kubelet.model.environment import ConfigError
from kubelet.model.field_ref import DownwardFacts
from kubelet.model.observed import ObservedPod
from kubelet.pods import resolving
from kubelet.pods.resolving import Resolving, downward_value
from kubelet.provider.container_config import Mounted, Resolved
from kubelet.references import References
from kubelet.volumes.pod_volumes import PodVolumes, VolumeFolders
from kubelet.volumes.tokens import Tokens

from ..conftest import pod

FACTS = DownwardFacts("mac-1", ("192.0.2.1",), ("10.244.7.2",), {"memory": "8Gi"})
SERVICE = {
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443}]},
}


class Rig:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.asked: list[str] = []
        self.events: list[PodEvent] = []
        self.services: list[Object] | None = [SERVICE]
        self.is_away = False
        references = References(self, lambda: 0)
        tokens = Tokens(self, lambda: 0, lambda: 0.0)
        volumes = PodVolumes(VolumeFolders(Path("/root")), references, tokens, lambda *_: "")
        self.resolving = Resolving(
            references,
            volumes,
            self.known,
            lambda _: FACTS,
            lambda _, event: self.events.append(event),
        )

    async def known(self) -> list[Object]:
        if self.services is None:
            await asyncio.Event().wait()
        return self.services or []

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        self.asked.append(f"{resource.plural}/{name}")
        if self.is_away:
            raise Unreachable("away")
        if (resource.plural, name) not in self.objects:
            raise NotFound(name)
        return self.objects[resource.plural, name]

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Object, namespace: str = ""
    ) -> Object:
        return {}

    def resolve(self, *others: Any, **container: Any) -> Resolved:
        mine = {"name": "llm", **container}
        one = pod(containers=[mine, *others], volumes=[{"name": "v", "emptyDir": {}}])
        return run(self.resolving.resolve(one, mine, ObservedPod(0)))


def test_all_that_it_is_told() -> None:
    rig = Rig()
    rig.objects["configmaps", "settings"] = {"data": {"SIZE": "9", "=": "x"}}
    rig.objects["secrets", "key"] = {"data": {"k": base64.b64encode(b"s").decode()}}
    found = rig.resolve(
        command=["runm", "serve"],
        args=["--context", "$(SIZE)"],
        envFrom=[{"configMapRef": {"name": "settings"}}],
        env=[
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        volumeMounts=[{"name": "v", "mountPath": "/v", "subPathExpr": "$(KEY)"}],
    )
    assert (found.command, found.args) == (("runm", "serve"), ("--context", "9"))
    assert found.environment["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    told = {name: found.environment[name] for name in ("SIZE", "KEY", "IP")}
    assert told == {"SIZE": "9", "KEY": "s", "IP": "10.244.7.2"}
    assert found.mounts == [Mounted("/v", "/root/pods/u1/volumes/kubernetes.io~empty-dir/v/s")]
    (event,) = rig.events
    assert event.reason == "InvalidEnvironmentVariableNames"


def test_only_its_own_objects_are_asked_for() -> None:
    rig = Rig()
    rig.resolve({"name": "other", "envFrom": [{"secretRef": {"name": "theirs"}}]})
    assert rig.asked == []


def test_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "SERVICES_LIMIT_S", 0.01)
    rig = Rig()
    with pytest.raises(ConfigError, match='configmap "x" not found'):
        rig.resolve(envFrom=[{"configMapRef": {"name": "x"}}])
    rig.is_away = True
    with pytest.raises(Unreachable):
        rig.resolve(envFrom=[{"secretRef": {"name": "x"}}])
    rig.services = None
    with pytest.raises(ConfigError, match="services have not yet been read"):
        rig.resolve()


def test_items_of_downward_volumes() -> None:
    container = {"name": "llm", "resources": {"requests": {"memory": "2Gi"}}}
    one = pod(containers=[container])
    assert downward_value(one, {"fieldRef": {"fieldPath": "metadata.name"}}, FACTS) == "tiny"
    reference = {"containerName": "llm", "resource": "requests.memory", "divisor": "1Mi"}
    assert downward_value(one, {"resourceFieldRef": reference}, FACTS) == "2048"
