"""What a Mac cannot do."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.unsupported import unsupported_fields

USER = 501


def found(spec: dict[str, Any]) -> list[str]:
    return unsupported_fields({"spec": spec}, USER, ["/models"])


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "llm", **fields}]}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"hostNetwork": True}, "spec.hostNetwork"),
        ({"hostPID": True}, "spec.hostPID"),
        ({"hostIPC": True}, "spec.hostIPC"),
        ({"hostUsers": False}, "spec.hostUsers: false"),
        ({"resourceClaims": [{"name": "x"}]}, "spec.resourceClaims"),
        ({"securityContext": {"sysctls": [{"name": "x"}]}}, "spec.securityContext.sysctls"),
        ({"securityContext": {"seLinuxOptions": {"level": "x"}}}, "spec.securityContext.seLinuxOptions"),
        (
            {"securityContext": {"runAsUser": 1000}},
            "spec.securityContext.runAsUser: 1000 (all containers run as user 501)",
        ),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            "spec.volumes[v].persistentVolumeClaim",
        ),
        ({"volumes": [{"name": "v", "csi": {"driver": "d"}}]}, "spec.volumes[v].csi"),
        (
            {"volumes": [{"name": "v", "emptyDir": {"medium": "HugePages"}}]},
            "spec.volumes[v].emptyDir.medium: HugePages",
        ),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"clusterTrustBundle": {}}]}}]},
            "spec.volumes[v].projected.clusterTrustBundle",
        ),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]},
            "spec.volumes[v].hostPath.path: /etc (allowed are /models)",
        ),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/models/../etc"}}]},
            "spec.volumes[v].hostPath.path: /models/../etc (allowed are /models)",
        ),
        (container(tty=True), "spec.containers[llm].tty"),
        (container(volumeDevices=[{"name": "x"}]), "spec.containers[llm].volumeDevices"),
        (
            container(volumeMounts=[{"name": "v", "mountPropagation": "Bidirectional"}]),
            "spec.containers[llm].volumeMounts[v].mountPropagation: Bidirectional",
        ),
        (container(ports=[{"containerPort": 80, "hostPort": 80}]), "spec.containers[llm].ports[80].hostPort"),
        (container(securityContext={"privileged": True}), "spec.containers[llm].securityContext.privileged"),
        (
            container(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}),
            "spec.containers[llm].securityContext.capabilities.add",
        ),
        (
            container(securityContext={"seccompProfile": {"type": "Localhost"}}),
            "spec.containers[llm].securityContext.seccompProfile.type: Localhost",
        ),
        (
            container(livenessProbe={"exec": {"command": ["x"]}}),
            "spec.containers[llm].livenessProbe.exec (use httpGet, tcpSocket or grpc)",
        ),
        (
            container(lifecycle={"preStop": {"exec": {}}}),
            "spec.containers[llm].lifecycle.preStop.exec (use httpGet or sleep)",
        ),
    ],
)
def test_each_is_named(spec: dict[str, Any], field: str) -> None:
    assert found(spec) == [field]


def test_what_a_hardened_pod_says_is_taken() -> None:
    spec = {
        "automountServiceAccountToken": True,
        "shareProcessNamespace": True,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "fsGroup": 2000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [
            {"name": "a", "emptyDir": {"medium": "Memory"}},
            {"name": "b", "hostPath": {"path": "/models/x", "type": "Directory"}},
            {
                "name": "c",
                "projected": {"sources": [{"serviceAccountToken": {}}, {"configMap": {"name": "x"}}]},
            },
        ],
        **container(
            securityContext={
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
                "privileged": False,
            },
            readinessProbe={"httpGet": {"port": 1}},
            lifecycle={"preStop": {"sleep": {"seconds": 5}}},
        ),
    }
    assert found(spec) == []


def test_a_node_that_runs_as_root_says_so() -> None:
    context = {"spec": {"securityContext": {"runAsNonRoot": True}}}
    assert unsupported_fields(context, 0, []) == ["spec.securityContext.runAsNonRoot (the node runs as root)"]


def test_no_host_path_where_none_is_allowed() -> None:
    pod = {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}}
    (one,) = unsupported_fields(pod, USER, [])
    assert one.endswith("(none is allowed on this node)")
