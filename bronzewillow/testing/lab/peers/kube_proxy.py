"""Services as kube-proxy's iptables make them in the worker, and their objects for our agent."""

from __future__ import annotations

from collections.abc import Sequence

from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.family import Family
from bronzewillow.testing.lab.peers.peer import Document

SERVICE_PORT, NODE_PORT, TARGET_PORT = 80, 30080, 8080
MASQUERADE_MARK = "0x4000/0x4000"


def service(name: str, families: Sequence[Family], addresses: Sequence[str]) -> Document:
    """A Service of the default namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "default", "name": name},
        "spec": {
            "clusterIP": addresses[0],
            "clusterIPs": list(addresses),
            "ipFamilies": [f"IPv{family.version}" for family in families],
            "ports": [{"port": SERVICE_PORT, "targetPort": TARGET_PORT, "protocol": "TCP"}],
        },
    }


def endpoint_slice(name: str, family: Family, endpoints: Sequence[str]) -> Document:
    """The ready endpoints of a Service, of one family."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "default",
            "name": f"{name}-{family.version}",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": f"IPv{family.version}",
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in endpoints],
        "ports": [{"port": TARGET_PORT, "protocol": "TCP"}],
    }


def rules(family: Family, endpoints: Sequence[str]) -> str:
    """For iptables-restore: the Service's ClusterIP and a NodePort to `endpoints`, each as likely."""
    lines = ["*nat"]
    chains = ("SERVICES", "NODEPORTS", "SVC-LLM", "MARK-MASQ", "POSTROUTING")
    lines += [f":KUBE-{chain} - [0:0]" for chain in chains]
    lines += [f":KUBE-SEP-{number} - [0:0]" for number in range(len(endpoints))]
    virtual = f"-d {family.service}/{family.host_length} -p tcp -m tcp --dport {SERVICE_PORT}"
    node_port = f"-p tcp -m tcp --dport {NODE_PORT}"
    lines += [
        "-A PREROUTING -j KUBE-SERVICES",
        "-A OUTPUT -j KUBE-SERVICES",
        "-A POSTROUTING -j KUBE-POSTROUTING",
        f"-A KUBE-POSTROUTING -m mark ! --mark {MASQUERADE_MARK} -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
        f"-A KUBE-MARK-MASQ -j MARK --set-xmark {MASQUERADE_MARK}",
        f"-A KUBE-SERVICES {virtual} -j KUBE-SVC-LLM",
        "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
        f"-A KUBE-NODEPORTS {node_port} -j KUBE-MARK-MASQ",
        f"-A KUBE-NODEPORTS {node_port} -j KUBE-SVC-LLM",
        f"-A KUBE-SVC-LLM ! -s {family.network} {virtual} -j KUBE-MARK-MASQ",
    ]
    for number, endpoint in enumerate(endpoints):
        left = len(endpoints) - number
        chance = f" -m statistic --mode random --probability {1 / left:.5f}" if left > 1 else ""
        lines.append(f"-A KUBE-SVC-LLM{chance} -j KUBE-SEP-{number}")
        lines.append(f"-A KUBE-SEP-{number} -s {endpoint}/{family.host_length} -j KUBE-MARK-MASQ")
        host = endpoint if family.version == 4 else f"[{endpoint}]"
        lines.append(f"-A KUBE-SEP-{number} -p tcp -m tcp -j DNAT --to-destination {host}:{TARGET_PORT}")
    lines += ["COMMIT", "*filter", "-A FORWARD -m conntrack --ctstate INVALID -j DROP", "COMMIT"]
    return "\n".join(lines) + "\n"


def add_services(worker: Namespace, family: Family, endpoints: Sequence[str]) -> None:
    """The rules, in a worker."""
    worker.run(f"{family.iptables}-restore", "-w", "--noflush", input=rules(family, endpoints))
