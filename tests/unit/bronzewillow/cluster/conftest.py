"""A cluster in memory: an API server that answers over HTTPS, and the objects of a CNI in it."""

from __future__ import annotations

import json
from typing import Any

from bronzewillow.kube import resources
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.apiserver.server import ApiServer

US = bytes((192, 0, 2, 2))


def node(name: str, address: str, cidr: str = "", **annotations: str) -> Object:
    prefixed = {f"flannel.alpha.coreos.com/{key.replace('_', '-')}": v for key, v in annotations.items()}
    spec = {"podCIDR": cidr, "podCIDRs": [cidr]} if cidr else {}
    addresses = [{"type": "InternalIP", "address": address}]
    metadata = {"name": name, "annotations": prefixed}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "spec": spec,
        "status": {"addresses": addresses},
    }


def flannel_worker(name: str, last: int, cidr: str) -> Object:
    data = json.dumps({"VNI": 1, "VtepMAC": f"02:aa:aa:aa:aa:{last:02x}"})
    notes = {"public_ip": f"192.0.2.{last}", "backend_data": data}
    return node(name, f"192.0.2.{last}", cidr, backend_type="vxlan", kube_subnet_manager="true", **notes)


def crd(resource: Resource, **extra: Any) -> Object:
    """A definition of a kind; with `subresources` for those that have a status of their own."""
    version = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        **extra,
    }
    names = {"plural": resource.plural, "kind": resource.kind, "singular": resource.kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{resource.group}"},
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [version],
        },
    }


def notes_of(server: ApiServer, name: str) -> dict[str, str]:
    """Of a Node, as they stand on the server."""
    found = server.store.get(resources.NODES, "", name)
    assert found is not None
    return {key.rpartition("/")[2]: value for key, value in found["metadata"].get("annotations", {}).items()}
