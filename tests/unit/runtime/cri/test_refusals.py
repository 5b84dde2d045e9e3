from __future__ import annotations

import getpass
import os
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from runtime.api import cri_pb2 as api
from runtime.cri.errors import InvalidArgument
from runtime.cri.refusals import check_container, check_sandbox

PLAIN = {
    "seccomp": {"profileType": "Unconfined"}, "namespaceOptions": {"pid": "CONTAINER"}, "noNewPrivs": True,
    "readonlyRootfs": True, "capabilities": {"dropCapabilities": ["ALL"]},
}  # fmt: skip


def test_what_every_kubelet_asks_for_is_fine() -> None:
    config = {
        "metadata": {"name": "a"},
        "linux": {"securityContext": PLAIN},
        "mounts": [{"containerPath": "/a"}],
    }
    check_container(ParseDict(config, api.ContainerConfig()))
    own = {"runAsUser": {"value": str(os.getuid())}, "runAsUsername": getpass.getuser()}
    check_container(ParseDict({"linux": {"securityContext": own}}, api.ContainerConfig()))
    check_sandbox(ParseDict({"portMappings": [{"containerPort": 80}]}, api.PodSandboxConfig()))


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ({"privileged": True}, "privileged"),
        ({"runAsUser": {"value": "4242"}}, "runAsUser 4242"),
        ({"runAsGroup": {"value": "4242"}}, "runAsGroup 4242"),
        ({"seccomp": {"profileType": "RuntimeDefault"}}, "seccomp"),
        ({"apparmor": {"profileType": "Localhost"}}, "apparmor"),
        ({"selinuxOptions": {"type": "x"}}, "SELinux"),
        ({"namespaceOptions": {"network": "NODE"}}, "host's network namespace"),
        ({"namespaceOptions": {"pid": "NODE"}}, "host's pid namespace"),
        ({"namespaceOptions": {"ipc": "TARGET"}}, "another container's ipc"),
        ({"namespaceOptions": {"usernsOptions": {"mode": "POD"}}}, "user namespaces"),
    ],
)
def test_security_of_both(security: dict[str, Any], words: str) -> None:
    config = {"metadata": {"name": "x"}, "linux": {"securityContext": security}}
    with pytest.raises(InvalidArgument, match=f"^pod 'x': .*{words}"):
        check_sandbox(ParseDict(config, api.PodSandboxConfig()))
    with pytest.raises(InvalidArgument, match=f"^container 'x': .*{words}"):
        check_container(ParseDict(config, api.ContainerConfig()))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"linux": {"securityContext": {"capabilities": {"addCapabilities": ["NET_ADMIN"]}}}},
            "capabilities",
        ),
        ({"linux": {"securityContext": {"runAsUsername": "nobody-else"}}}, "nobody-else"),
        ({"linux": {"securityContext": {"seccompProfilePath": "localhost/x"}}}, "seccomp"),
        ({"devices": [{"hostPath": "/dev/x"}]}, "devices"),
        ({"tty": True}, "terminal"),
        ({"stdin": True}, "standard input"),
        (
            {"mounts": [{"containerPath": "/a", "propagation": "PROPAGATION_BIDIRECTIONAL"}]},
            "/a cannot be bidir",
        ),
        ({"mounts": [{"containerPath": "/a", "image": {"image": "x"}}]}, "/a cannot be an image"),
    ],
)
def test_containers(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_container(ParseDict(config, api.ContainerConfig()))


def test_pods_and_all_reasons_at_once() -> None:
    config = {
        "linux": {"sysctls": {"net.a": "1"}, "securityContext": {"privileged": True}},
        "portMappings": [{"containerPort": 80, "hostPort": 8080}],
    }
    with pytest.raises(InvalidArgument) as raised:
        check_sandbox(ParseDict(config, api.PodSandboxConfig()))
    for words in ("privileged", "net.a", "hostPort 8080"):
        assert words in str(raised.value)
