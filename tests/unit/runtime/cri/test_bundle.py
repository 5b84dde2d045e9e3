from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.api import cri_pb2 as api
from runtime.cri.bundle import PORTS_ANNOTATION, make_bundle, ports_of
from runtime.cri.errors import InvalidArgument
from runtime.oci.bundle import parse_bundle

POD = api.PodSandboxConfig(metadata=api.PodSandboxMetadata(name="llm", namespace="n"), port_mappings=[
    api.PortMapping(container_port=9000), api.PortMapping(container_port=53, protocol=api.Protocol.UDP),
])  # fmt: skip


def test_runm_reads_it() -> None:
    config = api.ContainerConfig(
        metadata=api.ContainerMetadata(name="main"),
        args=["--context", "64"],
        envs=[api.KeyValue(key="A", value=b"b")],
        annotations={"x": "y"},
    )
    config.linux.resources.memory_limit_in_bytes = 1 << 30
    made = make_bundle(config, POD, Path("/snapshot"), Path("/run/p/1"), "team/tiny")
    bundle = parse_bundle(json.dumps(made).encode(), Path("/b"))
    assert bundle.rootfs == Path("/snapshot")
    assert bundle.args == ("--listen", "unix:/run/p/1/9000.sock", "--name", "team/tiny", "--context", "64")
    assert (bundle.env, bundle.memory_limit_bytes, bundle.annotations["x"]) == ({"A": "b"}, 1 << 30, "y")
    names = {name: text for name, text in bundle.annotations.items() if name.startswith("io.kubernetes.cri.")}
    assert list(names.values()) == ["n", "llm", "main", "team/tiny"]


@pytest.mark.parametrize(
    ("annotation", "pod", "ports"),
    [
        ("", POD, [9000]),
        ("", api.PodSandboxConfig(), [8080]),
        ('[{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}]', POD, [80]),
        ("[]", POD, [8080]),
    ],
)
def test_ports(annotation: str, pod: api.PodSandboxConfig, ports: list[int]) -> None:
    config = api.ContainerConfig(annotations={PORTS_ANNOTATION: annotation} if annotation else {})
    assert ports_of(config, pod) == ports


@pytest.mark.parametrize("text", ["x", "{}", "[1]", '[{"containerPort": 0}]', '[{"containerPort": "http"}]'])
def test_what_is_no_list_of_ports(text: str) -> None:
    if text == "{}":
        assert ports_of(api.ContainerConfig(annotations={PORTS_ANNOTATION: text}), POD) == [8080]
        return
    with pytest.raises(InvalidArgument, match="list of ports"):
        ports_of(api.ContainerConfig(annotations={PORTS_ANNOTATION: text}), POD)


def test_the_networks_environment_comes_before_the_pods_own(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("HTTP_PROXY=http://a:b@127.0.0.1:1\nNO_PROXY=localhost\n")
    config = api.ContainerConfig(envs=[api.KeyValue(key="NO_PROXY", value=b"*")])
    made = make_bundle(config, POD, Path("/snapshot"), tmp_path, "tiny")
    assert made["process"]["env"] == ["HTTP_PROXY=http://a:b@127.0.0.1:1", "NO_PROXY=*"]
