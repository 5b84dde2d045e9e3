"""A pod in CRI's words."""

from __future__ import annotations

from pathlib import Path

from kubelet.provider.labels import PodKey, pod_key
from kubelet.provider.sandbox_config import sandbox_config
from runtime.api import cri_pb2 as api

from ..conftest import pod


def test_whose_it_is_and_where_its_logs_go() -> None:
    mine = pod()
    mine["metadata"] |= {"labels": {"app": "x"}, "annotations": {"a": "b"}}
    config = sandbox_config(mine, 2, Path("/logs/x"))
    assert config.metadata == api.PodSandboxMetadata(name="tiny", uid="u1", namespace="default", attempt=2)
    assert pod_key(config.labels) == PodKey("u1", "tiny", "default")
    assert config.labels["app"] == "x"
    assert dict(config.annotations) == {"a": "b"}
    assert (config.hostname, config.log_directory) == ("tiny", "/logs/x")


def test_ports_of_all_containers() -> None:
    ports = [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP", "hostPort": 53}]
    config = sandbox_config(pod(containers=[{"name": "a", "ports": ports}]), 0, Path("/l"))
    found = [
        (one.container_port, one.host_port, api.Protocol.Name(one.protocol)) for one in config.port_mappings
    ]
    assert found == [(8080, 0, "TCP"), (53, 53, "UDP")]


def test_what_the_runtime_will_refuse_is_passed_on() -> None:
    security = {"runAsUser": 3, "sysctls": [{"name": "net.x", "value": "1"}], "seLinuxOptions": {"type": "t"}}
    config = sandbox_config(pod(hostNetwork=True, securityContext=security), 0, Path("/l"))
    assert dict(config.linux.sysctls) == {"net.x": "1"}
    assert config.linux.security_context.run_as_user.value == 3
    assert config.linux.security_context.selinux_options.type == "t"
    assert config.linux.security_context.namespace_options.network == api.NamespaceMode.NODE
    assert not sandbox_config(pod(), 0, Path("/l")).linux.security_context.HasField("run_as_user")


def test_a_long_name_is_a_host_name_all_the_same() -> None:
    assert len(sandbox_config(pod("x" * 200), 0, Path("/l")).hostname) == 63
