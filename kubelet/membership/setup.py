"""What an administrator applies before Macs join; pure.

- Bootstrap tokens may ask for a node's client certificate and get it, as kubeadm's clusters have it anyway.
- The network agents of all Macs have one ServiceAccount: what a network needs of a cluster (other Nodes,
  EndpointSlices, the objects of CNIs) is more than a node may see. A joining Mac takes its first token with
  the bootstrap token; the account renews its own.
- That account also reads which authority signs the API server's own certificate for calling port 10250.
"""

from __future__ import annotations

from typing import Any

import yaml

NAMESPACE = "bronzewillow"
SERVICE_ACCOUNT = "network"
_BOOTSTRAPPERS = "system:bootstrappers"
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "update", "patch", "delete"]
_CONFIGURATIONS = ("antrea-config", "cilium-config", "kube-flannel-cfg")
_HEAD = """\
# What a cluster lets its Macs do. Two lines for an administrator:
#
#   bronzewillow join --print-setup | kubectl apply -f -
#   kubeadm token create --print-join-command
#
# The second prints the token, and the hash, that `bronzewillow join --token ... --ca-cert-hash ...` takes.
#
# A Mac comes with the taint %(taint)s: only pods that tolerate it land there.
# A node sets its taints once, when it registers; an administrator takes it off by:
#
#   kubectl taint node NAME %(key)s-
"""


def setup_manifest(taint: str) -> str:
    """YAML for `kubectl apply`. `taint`: `key=value:Effect`."""
    head = _HEAD % {"taint": taint, "key": taint.split("=")[0]}
    return head + yaml.safe_dump_all(setup_objects(), sort_keys=False)


def setup_objects() -> list[dict[str, Any]]:
    """In an order in which they can be made."""
    return [
        _object("v1", "Namespace", NAMESPACE),
        _object("v1", "ServiceAccount", SERVICE_ACCOUNT, NAMESPACE),
        _cluster_role("bronzewillow:network", _network_rules()),
        _cluster_binding("bronzewillow:network", "bronzewillow:network", [_account()]),
        _role("bronzewillow:network-token", NAMESPACE, _token_rules()),
        _binding(
            "bronzewillow:network-token",
            NAMESPACE,
            "bronzewillow:network-token",
            [_account(), _bootstrappers()],
        ),
        _binding(
            "bronzewillow:client-authority",
            "kube-system",
            "extension-apiserver-authentication-reader",
            [_account()],
        ),
        _cluster_binding("bronzewillow:ask-for-certificates", "system:node-bootstrapper", [_bootstrappers()]),
        _cluster_binding(
            "bronzewillow:approve-first-certificates",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            [_bootstrappers()],
        ),
        _cluster_binding(
            "bronzewillow:approve-renewed-certificates",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            [_group("system:nodes")],
        ),
    ]


def _network_rules() -> list[dict[str, Any]]:
    """What the CNIs' own agents are allowed of this, less what only they need."""
    return [
        _rule([""], ["nodes", "pods", "services", "namespaces"], _READ),
        {**_rule([""], ["configmaps"], _READ), "resourceNames": [*_CONFIGURATIONS]},
        _rule([""], ["nodes/status"], ["patch"]),  # annotations go by way of the status, as CNIs do it
        _rule(["discovery.k8s.io"], ["endpointslices"], _READ),
        _rule(["networking.k8s.io"], ["networkpolicies"], _READ),
        _rule(["crd.antrea.io"], ["antreaagentinfos"], _READ),
        _rule(
            ["crd.projectcalico.org", "projectcalico.org"],
            ["felixconfigurations"],
            _READ,
        ),
        _rule(
            ["crd.projectcalico.org", "projectcalico.org"],
            ["ippools", "ipamblocks", "blockaffinities", "ipamhandles"],
            _WRITE,
        ),
        _rule(
            ["cilium.io"],
            ["ciliumnodes", "ciliumidentities", "ciliumendpoints"],
            _WRITE,
        ),
    ]


def _token_rules() -> list[dict[str, Any]]:
    """Of this one account alone."""
    return [{**_rule([""], ["serviceaccounts/token"], ["create"]), "resourceNames": [SERVICE_ACCOUNT]}]


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [*groups], "resources": [*resources], "verbs": [*verbs]}


def _object(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _cluster_role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {**_object(f"{_RBAC}/v1", "ClusterRole", name), "rules": rules}


def _role(name: str, namespace: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {**_object(f"{_RBAC}/v1", "Role", name, namespace), "rules": rules}


def _cluster_binding(name: str, role: str, subjects: list[dict[str, str]]) -> dict[str, Any]:
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role}
    return {
        **_object(f"{_RBAC}/v1", "ClusterRoleBinding", name),
        "roleRef": reference,
        "subjects": subjects,
    }


def _binding(name: str, namespace: str, role: str, subjects: list[dict[str, str]]) -> dict[str, Any]:
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": role}
    return {
        **_object(f"{_RBAC}/v1", "RoleBinding", name, namespace),
        "roleRef": reference,
        "subjects": subjects,
    }


def _account() -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE}


def _bootstrappers() -> dict[str, str]:
    return _group(_BOOTSTRAPPERS)


def _group(name: str) -> dict[str, str]:
    return {"apiGroup": _RBAC, "kind": "Group", "name": name}
