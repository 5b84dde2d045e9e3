"""The kinds that a server knows: built in, or by CustomResourceDefinition; and their discovery documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bronzewillow.kube import resources
from bronzewillow.kube.resources import Object, Resource

ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
PERSISTENT_VOLUME_CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
RUNTIME_CLASSES = Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
CSI_NODES = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)
CSI_DRIVERS = Resource("storage.k8s.io", "v1", "csidrivers", "CSIDriver", namespaced=False)
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
SELF_SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)

_WITH_STATUS = (
    resources.PODS,
    resources.NODES,
    resources.SERVICES,
    resources.NAMESPACES,
    resources.CERTIFICATE_SIGNING_REQUESTS,
    resources.CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    DAEMON_SETS,
    REPLICA_SETS,
    STATEFUL_SETS,
    POD_DISRUPTION_BUDGETS,
    PERSISTENT_VOLUME_CLAIMS,
)
_WITHOUT = (
    resources.SERVICE_ACCOUNTS,
    resources.CONFIG_MAPS,
    resources.SECRETS,
    resources.EVENTS,
    resources.ENDPOINT_SLICES,
    resources.LEASES,
    resources.NETWORK_POLICIES,
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    RUNTIME_CLASSES,
    CSI_NODES,
    CSI_DRIVERS,
    PRIORITY_CLASSES,
)
REVIEWS = (
    resources.TOKEN_REVIEWS,
    resources.SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_REVIEWS,
    SELF_SUBJECT_ACCESS_REVIEWS,
)
"""Questions: they are answered, not kept."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind, as this server serves it."""

    resource: Resource
    has_status: bool = False
    is_custom: bool = False


class Kinds:
    """By group, version and plural."""

    def __init__(self) -> None:
        built_in = [
            *(Kind(resource, has_status=True) for resource in _WITH_STATUS),
            *(Kind(resource) for resource in (*_WITHOUT, *REVIEWS)),
        ]
        self._built_in = {_place(kind.resource): kind for kind in built_in}
        self._custom: dict[tuple[str, str, str], Kind] = {}

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """None for what is not served."""
        place = (group, version, plural)
        return self._built_in.get(place) or self._custom.get(place)

    def serves(self, group: str, version: str) -> bool:
        """Whether there is any kind of that group and version."""
        return any((kind.resource.group, kind.resource.version) == (group, version) for kind in self.all())

    def all(self) -> list[Kind]:
        """Everything that is served."""
        return [*self._built_in.values(), *self._custom.values()]

    def learn(self, definitions: Iterable[Object]) -> None:
        """The custom ones, from all CustomResourceDefinitions that there are."""
        custom = [kind for definition in definitions for kind in custom_kinds(definition)]
        self._custom = {_place(kind.resource): kind for kind in custom}

    def discovery(self, group: str, version: str) -> Object:
        """APIResourceList."""
        found = [
            kind for kind in self.all() if (kind.resource.group, kind.resource.version) == (group, version)
        ]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [described for kind in found for described in _described(kind)],
        }

    def groups(self) -> Object:
        """APIGroupList."""
        versions: dict[str, list[str]] = {}
        for kind in self.all():
            known = versions.setdefault(kind.resource.group, [])
            if kind.resource.version not in known:
                known.append(kind.resource.version)
        versions.pop("")
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(name, known) for name, known in versions.items()],
        }


def custom_kinds(definition: Object) -> list[Kind]:
    """What one CustomResourceDefinition brings."""
    spec: dict[str, Any] = definition["spec"]
    names, namespaced = spec["names"], spec["scope"] == "Namespaced"
    return [
        Kind(
            Resource(spec["group"], version["name"], names["plural"], names["kind"], namespaced),
            has_status="status" in (version.get("subresources") or {}),
            is_custom=True,
        )
        for version in spec["versions"]
        if version.get("served")
    ]


def _place(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural


def _described(kind: Kind) -> list[Object]:
    resource = kind.resource
    whole = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["create"]
        if resource in REVIEWS
        else ["create", "delete", "get", "list", "patch", "update", "watch"],
    }
    status = {**whole, "name": f"{resource.plural}/status", "verbs": ["get", "patch", "update"]}
    return [whole, status] if kind.has_status else [whole]


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}
