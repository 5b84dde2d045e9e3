"""The API server's images of static pods."""

from __future__ import annotations

from typing import Any

from bronzewillow.kube.errors import AlreadyExists, Conflict, KubeError
from bronzewillow.kube.resources import Resource
from bronzewillow.testing.aio import run
from kubelet.model.static_pods import mirror_pod, static_pod
from kubelet.pods.mirror import keep_mirror

TEXT = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}  # fmt: skip
STATIC = static_pod(TEXT, "mac-1", "/f")


class Api:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.error: KubeError | None = None

    async def create(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(("create", obj["metadata"]["name"]))
        if self.error is not None:
            raise self.error
        return obj

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, grace_period_s: int | None = None,
        uid: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        assert grace_period_s == 0
        self.calls.append(("delete", f"{namespace}/{name}/{uid}"))
        if self.error is not None:
            raise self.error
        return {}


def kept(
    pod: dict[str, Any] | None, mirror: dict[str, Any] | None, error: KubeError | None = None
) -> list[tuple[str, str]]:
    api = Api()
    api.error = error
    run(keep_mirror(api, pod, mirror, "node-uid"))
    return api.calls


def mirror() -> dict[str, Any]:
    made = mirror_pod(STATIC, "node-uid")
    made["metadata"]["uid"] = "m1"
    return made


def test_one_is_made_and_then_left_alone() -> None:
    assert kept(STATIC, None) == [("create", "a-mac-1")]
    assert kept(STATIC, None, AlreadyExists("a", code=409)) == [("create", "a-mac-1")]
    assert kept(STATIC, mirror()) == []


def test_one_of_another_text_or_that_is_deleted_or_without_a_file_goes() -> None:
    old, ending = mirror(), mirror()
    old["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "other"
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for pod, one in ((STATIC, old), (STATIC, ending), (None, mirror())):
        assert kept(pod, one) == [("delete", "default/a-mac-1/m1")]
        assert kept(pod, one, Conflict("x", code=409)) == [("delete", "default/a-mac-1/m1")]
