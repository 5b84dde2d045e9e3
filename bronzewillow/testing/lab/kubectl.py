"""The cluster's objects as an administrator reads and changes them, from the namespace that serves them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bronzewillow.adapters import network
from bronzewillow.adapters.network import Cluster, Cni, Json
from bronzewillow.cluster.watched import BY_CNI
from bronzewillow.kube.resources import Object, Resource, name_of
from bronzewillow.testing.lab.netns import Namespace

_MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Kubectl:
    """By curl, as requests must come from the namespace."""

    namespace: Namespace
    folder: Path
    """Where the server has put `url`, `ca.pem` and `admin.token`."""

    def get(self, path: str) -> Any:
        """What the API server answers; LabError when it refuses."""
        return json.loads(self._ask(path))

    def items(self, resource: Resource) -> list[Object]:
        """All objects of a kind."""
        found: list[Object] = self.get(resource.path())["items"]
        return found

    def create(self, resource: Resource, body: Json) -> None:
        """A new object; what it says of its status is written as its owner would."""
        metadata = body["metadata"]
        path = resource.path(metadata.get("namespace", ""))
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        self._ask(path, "-H", "Content-Type: application/json", "-d", json.dumps(whole))
        if "status" in body:
            part = {"status": body["status"]}
            self.patch(resource, metadata["name"], part, metadata.get("namespace", ""), "status")

    def patch(self, resource: Resource, name: str, body: Json, namespace: str = "", part: str = "") -> Object:
        """A merge patch of an object, or of its part."""
        path = resource.path(namespace, name, part)
        argv = ("-X", "PATCH", "-H", f"Content-Type: {_MERGE}", "-d", json.dumps(body))
        answer: Object = json.loads(self._ask(path, *argv))
        return answer

    def delete(self, resource: Resource, name: str, namespace: str = "") -> None:
        """Of one object."""
        self._ask(resource.path(namespace, name), "-X", "DELETE")

    def cluster(self, cni: Cni) -> Cluster:
        """What a CNI's node agent sees of the cluster."""
        found: dict[network.Resource, dict[str, Json]] = {}
        known = {group["name"] for group in self.get("/apis")["groups"]} | {""}
        for watched in BY_CNI[cni]:
            if watched.resource.group in known:
                for obj in self.items(watched.resource):
                    namespace, name = name_of(obj)
                    key = f"{namespace}/{name}" if namespace else name
                    found.setdefault(watched.key, {})[key] = obj
        return Cluster(found)

    def _ask(self, path: str, *options: str) -> str:
        url = (self.folder / "url").read_text() + path
        token = (self.folder / "admin.token").read_text()
        argv = ("curl", "-sSf", "-m", "20", "--cacert", str(self.folder / "ca.pem"))
        return self.namespace.run(*argv, "-H", f"Authorization: Bearer {token}", *options, url)
