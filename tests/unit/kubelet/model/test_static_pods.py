"""Static pods."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.pod_spec import is_static, uid
from kubelet.model.static_pods import MirrorStep, StaticPodError, mirror_pod, mirror_step, static_pod

FILE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "llm", "labels": {"a": "b"}},
    "spec": {"containers": [{"name": "llm", "image": "m:1"}]},
}


def made(source: str = "/manifests/llm.yaml", **changes: Any) -> dict[str, Any]:
    return static_pod({**FILE, **changes}, "mac-1", source)


def test_it_is_named_for_the_node() -> None:
    pod = made()
    assert (pod["metadata"]["name"], pod["metadata"]["namespace"]) == ("llm-mac-1", "default")
    assert pod["metadata"]["annotations"] == {
        "kubernetes.io/config.source": "file",
        "kubernetes.io/config.hash": uid(pod),
    }
    assert (pod["spec"]["nodeName"], pod["spec"]["tolerations"]) == (
        "mac-1",
        [{"operator": "Exists", "effect": "NoExecute"}],
    )
    assert is_static(pod)


def test_another_content_is_another_pod() -> None:
    assert uid(made()) == uid(made())
    changed = {"containers": [{"name": "llm", "image": "m:2"}]}
    assert len({uid(made()), uid(made(spec=changed)), uid(made(source="/manifests/b.yaml"))}) == 3


def test_the_mirror() -> None:
    pod = made()
    mirror = mirror_pod(pod, "node-uid")
    assert "uid" not in mirror["metadata"]
    assert mirror["metadata"]["annotations"]["kubernetes.io/config.mirror"] == uid(pod)
    (owner,) = mirror["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "Node",
        "mac-1",
        "node-uid",
        True,
    )
    assert mirror_step(pod, None) is MirrorStep.CREATE
    assert mirror_step(pod, mirror) is MirrorStep.NONE
    assert mirror_step(made(source="x"), mirror) is MirrorStep.DELETE
    deleted = {**mirror, "metadata": {**mirror["metadata"], "deletionTimestamp": "2025-01-01T00:00:00Z"}}
    assert mirror_step(pod, deleted) is MirrorStep.DELETE
    assert mirror_step(None, mirror) is MirrorStep.DELETE
    assert mirror_step(None, None) is MirrorStep.NONE


def containers(*some: Any) -> dict[str, Any]:
    return {**FILE, "spec": {"containers": list(some)}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "it is not a Pod"),
        ({**FILE, "kind": "Deployment"}, "it is not a Pod"),
        ({**FILE, "metadata": {"name": "../x"}}, "metadata.name"),
        ({**FILE, "metadata": {"name": "x", "namespace": "A"}}, "metadata.namespace"),
        ({**FILE, "spec": {}}, "spec.containers: at least one"),
        (containers({"name": "../x", "image": "m"}), r"spec.containers\[0\].name"),
        (containers({"name": "a", "image": "m"}, {"name": "a", "image": "m"}), "a is there twice"),
        (containers({"name": "a"}), r"spec.containers\[0\].image"),
        (containers({"name": "a", "image": "m"}, 7), r"spec.containers\[1\].name"),
        ({**FILE, "spec": {**FILE["spec"], "serviceAccountName": "x"}}, "spec.serviceAccountName"),
        (
            {**FILE, "spec": {**FILE["spec"], "volumes": [{"name": "v", "secret": {"secretName": "x"}}]}},
            r"spec.volumes\[v\].secret",
        ),
    ],
)
def test_what_is_no_static_pod(value: object, message: str) -> None:
    with pytest.raises(StaticPodError, match=message):
        static_pod(value, "mac-1", "x")
