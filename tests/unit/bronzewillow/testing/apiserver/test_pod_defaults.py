from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.resources import PODS, SERVICE_ACCOUNTS, Object
from bronzewillow.testing.apiserver.node_restriction import MIRROR
from bronzewillow.testing.apiserver.pod_defaults import TOKEN_PATH, qos_class, validate
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.server import ApiServer


def made(server: ApiServer, container: dict[str, Any] | None = None, **spec: Any) -> Object:
    containers = [{"name": "c", "image": "i", **(container or {})}]
    pod = {"metadata": {"name": "a", "namespace": "default"}, "spec": {"containers": containers, **spec}}
    return server.make(PODS, pod)


def test_what_is_filled_in(server: ApiServer) -> None:
    pod = made(server, {"readinessProbe": {"httpGet": {"port": 80}}, "ports": [{"containerPort": 80}]})
    spec = pod["spec"]
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Always", 30)
    probe = spec["containers"][0]["readinessProbe"]
    assert probe["httpGet"] == {"port": 80, "scheme": "HTTP", "path": "/"}
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (10, 3)
    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert [toleration["key"] for toleration in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_every_pod_has_the_token_of_its_account(server: ApiServer) -> None:
    spec = made(server)["spec"]
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-")
    assert len(volume["projected"]["sources"]) == 3
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == TOKEN_PATH


def test_but_not_who_does_not_want_it(server: ApiServer) -> None:
    assert "volumes" not in made(server, automountServiceAccountToken=False)["spec"]


def test_pull_secrets_of_the_account(server: ApiServer) -> None:
    account = {"metadata": {"name": "s", "namespace": "default"}, "imagePullSecrets": [{"name": "p"}]}
    server.make(SERVICE_ACCOUNTS, account)
    assert made(server, serviceAccountName="s")["spec"]["imagePullSecrets"] == [{"name": "p"}]


def test_an_account_that_is_missing(server: ApiServer) -> None:
    with pytest.raises(Refused, match='serviceaccount "gone" not found'):
        made(server, serviceAccountName="gone")


def test_mirror_pods_have_no_account(server: ApiServer) -> None:
    metadata = {"name": "a", "namespace": "default", "annotations": {MIRROR: "x"}}
    pod = server.make(PODS, {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    assert "serviceAccountName" not in pod["spec"]
    assert "volumes" not in pod["spec"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("a:v1", "IfNotPresent"),
        ("h:5000/a", "Always"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)
def test_pull_policies(server: ApiServer, image: str, policy: str) -> None:
    assert made(server, {"image": image})["spec"]["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"limits": {"example.dev/x": "1"}}, "BestEffort"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
    ],
)
def test_qos(resources: dict[str, Any], expected: str) -> None:
    assert qos_class({"containers": [{"resources": resources}]}) == expected


@pytest.mark.parametrize(
    "spec", [{}, {"containers": []}, {"containers": [{"name": "a"}]}, {"containers": [{"image": "a"}]}]
)
def test_what_is_no_pod(spec: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Required value"):
        validate({"metadata": {"name": "a"}, "spec": spec})
