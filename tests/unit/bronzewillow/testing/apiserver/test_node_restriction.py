from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.resources import LEASES, NODES, PODS, SERVICE_ACCOUNTS, Object, Resource
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.kinds import Kind
from bronzewillow.testing.apiserver.node_restriction import MIRROR, restrict
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.store import Store

NODE = User("system:node:mac", ("system:nodes",))


@pytest.fixture
def store() -> Store:
    made = Store()
    made.put(NODES, {"metadata": {"name": "mac", "uid": "node-uid"}, "spec": {}})
    for name, node in (("mine", "mac"), ("theirs", "other")):
        metadata = {"name": name, "namespace": "d", "uid": f"uid-{name}"}
        made.put(PODS, {"metadata": metadata, "spec": {"nodeName": node}})
    return made


def call(resource: Resource, verb: str, name: str = "", subresource: str = "", user: User = NODE) -> Call:
    namespace = "d" if resource.namespaced else ""
    return Call(user, verb, kind=Kind(resource), namespace=namespace, name=name, subresource=subresource)


def node(name: str = "mac", taints: list[Any] | None = None) -> Object:
    return {"metadata": {"name": name, "labels": {}}, "spec": {"taints": taints or []}}


def labelled(label: str) -> Object:
    return {**node(), "metadata": {"name": "mac", "labels": {label: "x"}}}


@pytest.mark.parametrize(
    "label",
    [
        "example.dev/x",
        "kubernetes.io/hostname",
        "node.kubernetes.io/instance-type",
        "kubelet.kubernetes.io/x",
        "x.node.kubernetes.io/y",
    ],
)
def test_labels_of_its_own(store: Store, label: str) -> None:
    restrict(store, call(NODES, "create"), None, labelled(label))
    restrict(store, call(NODES, "patch", "mac"), node(), labelled(label))


@pytest.mark.parametrize(
    "label",
    ["node-restriction.kubernetes.io/x", "node-role.kubernetes.io/worker", "foo.k8s.io/x", "k8s.io/x"],
)
def test_labels_of_others(store: Store, label: str) -> None:
    for old in (None, node()):
        with pytest.raises(Refused, match=r"is not allowed to (modify|set the following) labels"):
            restrict(store, call(NODES, "create"), old, labelled(label))


def test_the_node(store: Store) -> None:
    with pytest.raises(Refused, match='node "mac" is not allowed to modify node "other"'):
        restrict(store, call(NODES, "create"), None, node("other"))
    restrict(store, call(NODES, "create"), None, node(taints=[{"key": "a"}]))
    with pytest.raises(Refused, match="is not allowed to modify taints"):
        restrict(store, call(NODES, "patch", "mac"), node(), node(taints=[{"key": "a"}]))


def mirror(**change: Any) -> Object:
    owner = {"kind": "Node", "name": "mac", "uid": "node-uid", "controller": True, **change.pop("owner", {})}
    metadata = {"name": "s", "annotations": {MIRROR: "hash"}, "ownerReferences": [owner]}
    metadata |= change.pop("metadata", {})
    return {"metadata": metadata, "spec": {"nodeName": "mac", "containers": [], **change}}


def test_mirror_pods(store: Store) -> None:
    restrict(store, call(PODS, "create"), None, mirror())


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (mirror(metadata={"annotations": {}}), "can only create mirror pods"),
        (mirror(nodeName="other"), "spec.nodeName set to itself"),
        (mirror(metadata={"ownerReferences": []}), "with an owner reference set to itself"),
        (mirror(owner={"name": "other"}), "with an owner reference set to itself"),
        (mirror(owner={"controller": False}), "controller owner reference"),
        (mirror(owner={"uid": "old"}), "UID mismatch"),
        (mirror(serviceAccountName="a"), "reference a service account"),
        (mirror(volumes=[{"secret": {"secretName": "s"}}]), "reference secrets"),
        (mirror(volumes=[{"configMap": {"name": "s"}}]), "reference configmaps"),
        (mirror(volumes=[{"persistentVolumeClaim": {}}]), "reference persistentvolumeclaims"),
    ],
)
def test_no_mirror_pods(store: Store, pod: Object, words: str) -> None:
    with pytest.raises(Refused, match=words):
        restrict(store, call(PODS, "create"), None, pod)


def test_pods_of_others(store: Store) -> None:
    mine, theirs = store.get(PODS, "d", "mine"), store.get(PODS, "d", "theirs")
    assert mine is not None
    restrict(store, call(PODS, "delete", "mine"), mine, None)
    restrict(store, call(PODS, "patch", "mine", "status"), mine, mine)
    for verb, subresource in (("delete", ""), ("patch", "status"), ("create", "eviction")):
        with pytest.raises(Refused, match=r"with spec\.nodeName set to itself"):
            restrict(store, call(PODS, verb, "theirs", subresource), theirs, theirs)
    with pytest.raises(Refused, match="cannot update labels"):
        labelled = {**mine, "metadata": {**mine["metadata"], "labels": {"a": "b"}}}
        restrict(store, call(PODS, "patch", "mine", "status"), mine, labelled)


def test_tokens(store: Store) -> None:
    def ask(**bound: str) -> None:
        request = {
            "spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", **bound} if bound else None}
        }
        restrict(store, call(SERVICE_ACCOUNTS, "create", "a", "token"), None, request)

    ask(name="mine", uid="uid-mine")
    for bound, words in (
        ({}, "can only request tokens bound to a pod"),
        ({"name": "mine"}, "without a uid"),
        ({"name": "gone", "uid": "x"}, "not found"),
        ({"name": "mine", "uid": "old"}, "does not match the UID in record"),
        ({"name": "theirs", "uid": "uid-theirs"}, "scheduled on a different node"),
    ):
        with pytest.raises(Refused, match=words):
            ask(**bound)


def test_leases(store: Store) -> None:
    restrict(store, call(LEASES, "create"), None, {"metadata": {"name": "mac"}})
    with pytest.raises(Refused, match="same name"):
        restrict(store, call(LEASES, "create"), None, {"metadata": {"name": "other"}})


def test_others_are_not_restricted(store: Store) -> None:
    restrict(store, call(NODES, "create", user=User("anna")), None, node("other"))
