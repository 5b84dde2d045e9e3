from __future__ import annotations

import copy
from typing import Any

import pytest

from bronzewillow.kube.resources import CONFIG_MAPS, LEASES, NODES, PODS, Object, Resource
from bronzewillow.testing.apiserver.calls import ANONYMOUS, Call
from bronzewillow.testing.apiserver.kinds import Kind
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.updates import updated


def obj(**more: Any) -> Object:
    metadata = {"name": "a", "namespace": "d", "uid": "u", "resourceVersion": "7", "generation": 1}
    spec = {"containers": [{"name": "c", "image": "i"}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Pending"},
        **more,
    }


def update(resource: Resource, new: Object, old: Object | None = None, subresource: str = "") -> Object:
    kind = Kind(resource, has_status=resource in (PODS, NODES))
    return updated(Call(ANONYMOUS, "update", kind=kind, name="a", subresource=subresource), old or obj(), new)


def test_status_and_the_rest_are_apart() -> None:
    new = obj(status={"phase": "Running"})
    new["metadata"]["labels"] = {"a": "b"}
    assert update(PODS, new)["status"] == {"phase": "Pending"}
    changed = copy.deepcopy(new)
    changed["spec"]["nodeName"] = "x"
    found = update(PODS, changed, subresource="status")
    assert (found["status"], found["spec"]) == ({"phase": "Running"}, obj()["spec"])


def test_what_the_server_keeps_for_itself() -> None:
    new = obj()
    new["metadata"] |= {"generation": 99, "creationTimestamp": "2000-01-01T00:00:00Z", "managedFields": []}
    metadata = update(PODS, new)["metadata"]
    assert (metadata["generation"], "creationTimestamp" in metadata, "managedFields" in metadata) == (
        1,
        False,
        False,
    )


def test_a_change_of_the_spec_is_counted() -> None:
    new = obj()
    new["spec"]["containers"][0]["image"] = "j"
    assert update(PODS, new)["metadata"]["generation"] == 2


def test_versions_and_uids() -> None:
    for field, value, words in (
        ("resourceVersion", "6", "the object has been modified"),
        ("uid", "other", "Precondition failed: UID in precondition: other, UID in object meta: u"),
    ):
        new = obj()
        new["metadata"][field] = value
        with pytest.raises(Refused, match=words):
            update(PODS, new)


def test_a_patch_does_not_change_the_uid() -> None:
    new = obj()
    new["metadata"]["uid"] = "other"
    call = Call(ANONYMOUS, "patch", kind=Kind(PODS, has_status=True), name="a")
    with pytest.raises(Refused, match=r'uid: Invalid value: "other": field is immutable'):
        updated(call, obj(), new)


def test_who_must_say_a_version() -> None:
    new = obj()
    new["metadata"].pop("resourceVersion")
    update(CONFIG_MAPS, new)
    with pytest.raises(Refused, match="must be specified for an update"):
        update(LEASES, new)


def test_most_of_a_pod_does_not_change() -> None:
    new = obj()
    new["spec"]["restartPolicy"] = "Never"
    with pytest.raises(Refused, match="pod updates may not change fields"):
        update(PODS, new)


def test_the_server_knows_the_qos() -> None:
    old = obj(status={"phase": "Pending", "qosClass": "BestEffort"})
    assert update(PODS, obj(status={"phase": "Running"}), old, "status")["status"] == {
        "phase": "Running",
        "qosClass": "BestEffort",
    }
