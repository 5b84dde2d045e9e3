"""Role-based access control, from the roles and bindings that are in the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bronzewillow.kube.resources import Object
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from bronzewillow.testing.apiserver.store import Store


def allows(store: Store, call: Call) -> bool:
    """Whether some binding of the user lets the call through."""
    if "system:masters" in call.user.groups:
        return True
    return any(_rule_allows(rule, call) for rule in _rules(store, call))


def _rules(store: Store, call: Call) -> Iterator[dict[str, Any]]:
    for binding in store.list(CLUSTER_ROLE_BINDINGS):
        if _binds(binding, call.user):
            yield from _role(store, binding, "")
    if call.namespace:
        for binding in store.list(ROLE_BINDINGS, call.namespace):
            if _binds(binding, call.user):
                yield from _role(store, binding, call.namespace)


def _role(store: Store, binding: Object, namespace: str) -> list[dict[str, Any]]:
    reference = binding["roleRef"]
    of_cluster = reference["kind"] == "ClusterRole"
    role = store.get(
        CLUSTER_ROLES if of_cluster else ROLES, "" if of_cluster else namespace, reference["name"]
    )
    return (role or {}).get("rules") or []


def _binds(binding: Object, user: User) -> bool:
    for subject in binding.get("subjects") or []:
        match subject["kind"]:
            case "User":
                found = subject["name"] == user.name
            case "Group":
                found = subject["name"] in user.groups
            case _:
                namespace = subject.get("namespace", "")
                found = user.name == f"system:serviceaccount:{namespace}:{subject['name']}"
        if found:
            return True
    return False


def _rule_allows(rule: dict[str, Any], call: Call) -> bool:
    if not _has(rule.get("verbs"), call.verb):
        return False
    if call.kind is None:
        return any(_path_fits(pattern, call.path) for pattern in rule.get("nonResourceURLs") or [])
    names = rule.get("resourceNames")
    wildcard = f"*/{call.subresource}" if call.subresource else "*"
    asked = {call.full_resource, wildcard, "*"}
    return (
        _has(rule.get("apiGroups"), call.resource.group)
        and bool(asked & {*(rule.get("resources") or [])})
        and (not names or _name(call) in names)
    )


def _name(call: Call) -> str:
    """Whom the call is about: a list of one name counts as that object (apiserver, RequestInfo)."""
    key, _, value = call.query.get("fieldSelector", "").partition("=")
    return value if not call.name and key == "metadata.name" else call.name


def _has(listed: list[str] | None, wanted: str) -> bool:
    return "*" in (listed or []) or wanted in (listed or [])


def _path_fits(pattern: str, path: str) -> bool:
    return path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))
