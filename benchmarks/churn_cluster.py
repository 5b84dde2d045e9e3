"""A large Flannel cluster in an API server in memory, and changes of it."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from typing import Any

from bronzewillow.kube.resources import CONFIG_MAPS, ENDPOINT_SLICES, NODES, PODS, SERVICES, Object, Resource
from bronzewillow.testing.apiserver.server import ApiServer

_SLICE = 100
"""Endpoints of one slice, as Kubernetes makes them."""
_MOMENT = "2026-01-01T00:00:00Z"
_FLANNEL = "flannel.alpha.coreos.com/"


class LargeCluster:
    """Written into the store itself: an API server's own work is not measured here."""

    def __init__(self, server: ApiServer, rng: random.Random, port: int) -> None:
        self._store, self._rng, self._port = server.store, rng, port
        server.controllers.allocates_node_cidrs = False
        self._nodes: list[str] = []
        self._pods: list[str] = []
        self._slices: list[str] = []
        self.changes = 0

    def lay(self, nodes: int, endpoints: int) -> None:
        """Node 0 is where packets come from; mac-1 is us."""
        conf = json.dumps({"Network": "10.0.0.0/8", "Backend": {"Type": "vxlan", "Port": self._port}})
        self._put(CONFIG_MAPS, "kube-flannel-cfg", "kube-system", data={"net-conf.json": conf})
        self._put(
            NODES, "mac-1", spec={"podCIDR": "10.244.7.0/24", "podCIDRs": ["10.244.7.0/24"]},
            status={"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]},
        )  # fmt: skip
        for number in range(nodes):
            self._node(number)
        for first in range(0, endpoints, _SLICE):
            self._service(first // _SLICE, range(first, min(first + _SLICE, endpoints)), nodes)

    async def change(self, per_s: int) -> None:
        """Until cancelled: six of ten are slices, three pods, one a Node."""
        loop = asyncio.get_running_loop()
        begin, self.changes = loop.time(), 0
        while True:
            while self.changes < (loop.time() - begin) * per_s:
                kind = self.changes % 10
                if kind < 6:
                    self._change_slice()
                elif kind < 9:
                    self._change_pod()
                else:
                    self._change_node()
                self.changes += 1
            await asyncio.sleep(0.005)

    def _change_slice(self) -> None:
        """One endpoint becomes ready, or ceases to be."""
        found = self._get(ENDPOINT_SLICES, self._rng.choice(self._slices), "default")
        conditions = self._rng.choice(found["endpoints"])["conditions"]
        conditions["ready"] = conditions["serving"] = not conditions["ready"]
        self._store.put(ENDPOINT_SLICES, found)

    def _change_pod(self) -> None:
        """It becomes ready, or ceases to be."""
        found = self._get(PODS, self._rng.choice(self._pods), "default")
        condition = found["status"]["conditions"][0]
        condition["status"] = "False" if condition["status"] == "True" else "True"
        self._store.put(PODS, found)

    def _change_node(self) -> None:
        """Mostly a kubelet that reports; now and then one that has another address."""
        found = self._get(NODES, self._rng.choice(self._nodes[1:]))
        if self._rng.random() < 0.2:
            address = f"127.2.{self._rng.randrange(256)}.{self._rng.randrange(1, 255)}"
            found["metadata"]["annotations"][_FLANNEL + "public-ip"] = address
            found["status"]["addresses"][0]["address"] = address
        else:
            found["status"]["conditions"][0]["lastHeartbeatTime"] = str(self.changes)
        self._store.put(NODES, found)

    def _node(self, number: int) -> None:
        address = "127.0.0.2" if number == 0 else f"127.1.{number // 250}.{number % 250 + 1}"
        cidr = "10.244.0.0/24" if number == 0 else f"10.{number // 250 + 1}.{number % 250}.0/24"
        mac = f"02:aa:aa:00:{number >> 8:02x}:{number & 255:02x}"
        notes = {
            "kube-subnet-manager": "true",
            "backend-type": "vxlan",
            "public-ip": address,
            "backend-data": json.dumps({"VNI": 1, "VtepMAC": mac}),
        }
        name = f"worker-{number}"
        images = [{"names": [f"registry.example/image-{n}:v1"], "sizeBytes": n << 20} for n in range(50)]
        self._put(
            NODES, name, annotations={_FLANNEL + key: value for key, value in notes.items()},
            spec={"podCIDR": cidr, "podCIDRs": [cidr]},
            status={
                "addresses": [{"type": "InternalIP", "address": address}],
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": _MOMENT}],
                "images": images,
            },
        )  # fmt: skip
        self._nodes.append(name)

    def _service(self, number: int, pods: range, nodes: int) -> None:
        name = f"service-{number}"
        cluster_ip = f"10.96.{number // 250}.{number % 250 + 1}"
        ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
        self._put(
            SERVICES, name, "default",
            spec={"clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "ports": ports},
        )  # fmt: skip
        endpoints = []
        for pod in pods:
            node = pod % nodes
            address = f"10.{node // 250 + 1}.{node % 250}.{pod // nodes + 2}"
            self._pod(f"{name}-{pod}", name, f"worker-{node}", address)
            conditions = {"ready": True, "serving": True, "terminating": False}
            target = {
                "kind": "Pod",
                "name": f"{name}-{pod}",
                "namespace": "default",
                "uid": str(uuid.uuid4()),
            }
            endpoints.append(
                {
                    "addresses": [address],
                    "conditions": conditions,
                    "nodeName": f"worker-{node}",
                    "targetRef": target,
                }
            )
        self._put(
            ENDPOINT_SLICES, f"{name}-abcde", "default", labels={"kubernetes.io/service-name": name},
            addressType="IPv4", endpoints=endpoints,
            ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
        )  # fmt: skip
        self._slices.append(f"{name}-abcde")

    def _pod(self, name: str, app: str, node: str, address: str) -> None:
        mounts = [{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]
        container = {
            "name": "main", "image": "registry.example/app:v1", "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}], "volumeMounts": mounts,
            "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        }  # fmt: skip
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": _MOMENT}
            for kind in ("Ready", "ContainersReady", "PodScheduled", "Initialized")
        ]
        self._put(
            PODS, name, "default", labels={"app": app, "pod-template-hash": "5d4f"},
            spec={"nodeName": node, "containers": [container], "serviceAccountName": "default"},
            status={
                "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions,
                "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0}],
            },
        )  # fmt: skip
        self._pods.append(name)

    def _get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        found = self._store.get(resource, namespace, name)
        assert found is not None
        return found

    def _put(self, resource: Resource, name: str, namespace: str = "", **fields: Any) -> None:
        metadata: Object = {key: fields.pop(key) for key in ("labels", "annotations") if key in fields}
        metadata |= {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": _MOMENT}
        if namespace:
            metadata["namespace"] = namespace
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        self._store.put(resource, {**kind, "metadata": metadata, **fields})
