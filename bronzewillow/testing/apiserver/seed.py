"""Objects that a cluster has from the start, and those that an administrator makes for nodes that join."""

from __future__ import annotations

from typing import Any

from bronzewillow.kube.resources import CONFIG_MAPS, NAMESPACES, SECRETS, SERVICES, Object, Resource
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES

_CSR = "certificates.k8s.io"
_READ = ["get", "list", "watch"]
NAMESPACE_NAMES = ("default", "kube-system", "kube-public", "kube-node-lease")
BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token"


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


_CLUSTER_ROLES: dict[str, list[dict[str, Any]]] = {
    "cluster-admin": [_rule(["*"], ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
    "view": [
        _rule([""], ["pods", "services", "configmaps", "endpoints", "events", "namespaces"], _READ),
        _rule(["apps"], ["deployments", "daemonsets", "replicasets", "statefulsets"], _READ),
    ],
    "system:node-bootstrapper": [_rule([_CSR], ["certificatesigningrequests"], ["create", *_READ])],
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": [
        _rule([_CSR], ["certificatesigningrequests/nodeclient"], ["create"])
    ],
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": [
        _rule([_CSR], ["certificatesigningrequests/selfnodeclient"], ["create"])
    ],
    "system:kubelet-api-admin": [
        _rule([""], ["nodes"], ["proxy", *_READ]),
        _rule([""], ["nodes/proxy", "nodes/log", "nodes/metrics", "nodes/stats", "nodes/pods"], ["*"]),
    ],
    "system:auth-delegator": [
        _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ],
}


def at_start(ca_pem: bytes) -> list[tuple[Resource, Object]]:
    """Namespaces, roles, the Service `kubernetes`."""
    found: list[tuple[Resource, Object]] = [(NAMESPACES, _named(name)) for name in NAMESPACE_NAMES]
    found += [(CLUSTER_ROLES, {**_named(name), "rules": rules}) for name, rules in _CLUSTER_ROLES.items()]
    reader = {"apiGroups": [""], "resources": ["configmaps"], "verbs": _READ}
    reader["resourceNames"] = ["extension-apiserver-authentication"]
    found += [
        (ROLES, {**_named("extension-apiserver-authentication-reader", "kube-system"), "rules": [reader]}),
        (
            CONFIG_MAPS,
            {
                **_named("extension-apiserver-authentication", "kube-system"),
                "data": {"client-ca-file": ca_pem.decode()},
            },
        ),
        (
            SERVICES,
            {
                **_named("kubernetes", "default"),
                "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]},
            },
        ),
    ]
    return found


def for_joining(token: str) -> list[tuple[Resource, Object]]:
    """What kubeadm makes: a bootstrap token, and the bindings by which its holder becomes a node."""
    identifier, _, secret = token.partition(".")
    prefix = "system:certificates.k8s.io:certificatesigningrequests:"
    group = [{"kind": "Group", "name": BOOTSTRAPPERS, "apiGroup": "rbac.authorization.k8s.io"}]
    nodes = [{"kind": "Group", "name": "system:nodes", "apiGroup": "rbac.authorization.k8s.io"}]
    anonymous = [{"kind": "User", "name": "system:anonymous", "apiGroup": "rbac.authorization.k8s.io"}]
    cluster_info = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    cluster_info["resourceNames"] = ["cluster-info"]
    reader = "kubeadm:bootstrap-signer-clusterinfo"
    return [
        (
            SECRETS,
            {
                **_named(f"bootstrap-token-{identifier}", "kube-system"),
                "type": "bootstrap.kubernetes.io/token",
                "stringData": {
                    "token-id": identifier,
                    "token-secret": secret,
                    "usage-bootstrap-authentication": "true",
                    "usage-bootstrap-signing": "true",
                    "auth-extra-groups": BOOTSTRAPPERS,
                },
            },
        ),
        _cluster_binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", group),
        _cluster_binding("kubeadm:node-autoapprove-bootstrap", f"{prefix}nodeclient", group),
        _cluster_binding("kubeadm:node-autoapprove-certificate-rotation", f"{prefix}selfnodeclient", nodes),
        (ROLES, {**_named(reader, "kube-public"), "rules": [cluster_info]}),
        (
            ROLE_BINDINGS,
            {
                **_named(reader, "kube-public"),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": reader},
                "subjects": anonymous,
            },
        ),
    ]


def _cluster_binding(name: str, role: str, subjects: list[dict[str, str]]) -> tuple[Resource, Object]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return CLUSTER_ROLE_BINDINGS, {**_named(name), "roleRef": reference, "subjects": subjects}


def _named(name: str, namespace: str = "") -> Object:
    return {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}}
