from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.resources import CONFIG_MAPS, PODS
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    Kind,
)
from bronzewillow.testing.apiserver.rbac import allows
from bronzewillow.testing.apiserver.store import Store

REFERENCE = {"apiGroup": "rbac.authorization.k8s.io", "name": "r"}


def store(rule: dict[str, Any], *, cluster: bool, subject: dict[str, str]) -> Store:
    made = Store()
    if cluster:
        made.put(CLUSTER_ROLES, {"metadata": {"name": "r"}, "rules": [rule]})
        binding: dict[str, Any] = {"roleRef": {**REFERENCE, "kind": "ClusterRole"}, "subjects": [subject]}
        made.put(CLUSTER_ROLE_BINDINGS, {"metadata": {"name": "b"}, **binding})
    else:
        place: dict[str, Any] = {"namespace": "d"}
        made.put(ROLES, {"metadata": {"name": "r", **place}, "rules": [rule]})
        binding = {"roleRef": {**REFERENCE, "kind": "Role"}, "subjects": [subject]}
        made.put(ROLE_BINDINGS, {"metadata": {"name": "b", **place}, **binding})
    return made


READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
ANNA = {"kind": "User", "name": "anna"}


def call(user: User, verb: str = "get", **more: Any) -> Call:
    return Call(user, verb, kind=Kind(PODS), **more)


def test_cluster_roles_and_roles() -> None:
    anna = User("anna")
    everywhere = store(READ, cluster=True, subject=ANNA)
    assert allows(everywhere, call(anna))
    assert not allows(everywhere, call(anna, "list"))
    assert not allows(everywhere, call(User("bert")))
    assert not allows(everywhere, call(anna, subresource="status"))
    here = store(READ, cluster=False, subject=ANNA)
    assert allows(here, call(anna, namespace="d"))
    assert not allows(here, call(anna, namespace="other"))
    assert not allows(here, call(anna))


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        ({"kind": "Group", "name": "g"}, User("x", ("g",))),
        ({"kind": "ServiceAccount", "name": "s", "namespace": "d"}, User("system:serviceaccount:d:s")),
    ],
)
def test_subjects(subject: dict[str, str], user: User) -> None:
    found = store(READ, cluster=True, subject=subject)
    assert allows(found, call(user))
    assert not allows(found, call(User("other")))


def test_names_wildcards_and_paths() -> None:
    anna = User("anna")
    named = store({**READ, "resourceNames": ["a"]}, cluster=True, subject=ANNA)
    assert allows(named, call(anna, name="a"))
    assert not allows(named, call(anna, name="b"))
    all_of_it = store({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, cluster=True, subject=ANNA)
    assert allows(all_of_it, Call(anna, "patch", kind=Kind(CONFIG_MAPS), subresource="status"))
    path = store({"nonResourceURLs": ["/metrics/*"], "verbs": ["get"]}, cluster=True, subject=ANNA)
    assert allows(path, Call(anna, "get", path="/metrics/x"))
    assert not allows(path, Call(anna, "get", path="/logs"))


def test_masters_may_all() -> None:
    assert allows(Store(), call(User("x", ("system:masters",)), "delete"))


def test_a_list_of_one_name_counts_as_that_object() -> None:
    anna = User("anna")
    rule = {**READ, "verbs": ["list"], "resourceNames": ["a"]}
    named = store(rule, cluster=True, subject=ANNA)
    for fields, allowed in (("metadata.name=a", True), ("metadata.name=b", False), ("", False)):
        query = {"fieldSelector": fields} if fields else {}
        assert allows(named, call(anna, "list", query=query)) is allowed
