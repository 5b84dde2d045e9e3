from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from kubelet.static.manifest import Container, Mount, Pod
from kubelet.static.messages import container_config, is_static, log_folder, observed_pod, sandbox_config
from kubelet.static.observed import ObservedContainer, State
from runtime.api import cri_pb2 as api

LLM = Container(
    "llm", "tiny", "Always", ("runm",), ("serve",), (("A", "ä"),), (8080, 9000), 1 << 20,
    (Mount("/m", "/host", True),),
)  # fmt: skip
POD = Pod("ns", "tiny-mac", "u1", (("app", "x"),), (("note", "y"),), "Always", 7, (LLM,), "tiny.yaml")


def test_a_sandbox_there_and_back() -> None:
    config = sandbox_config(POD, 2, Path("/logs"))
    assert (config.metadata.name, config.metadata.uid, config.metadata.attempt) == ("tiny-mac", "u1", 2)
    assert (
        config.log_directory
        == "/logs/ns_tiny-mac_u1"
        == str(log_folder(Path("/logs"), "ns", "tiny-mac", "u1"))
    )
    assert config.labels == {
        "app": "x", "io.kubernetes.pod.name": "tiny-mac", "io.kubernetes.pod.namespace": "ns",
        "io.kubernetes.pod.uid": "u1",
    }  # fmt: skip
    assert config.annotations["kubernetes.io/config.source"] == "file"
    assert config.annotations["kubernetes.io/config.hash"] == "u1"
    sandbox = api.PodSandbox(
        id="s",
        metadata=config.metadata,
        annotations=config.annotations,
        state=api.PodSandboxState.SANDBOX_READY,
    )
    assert is_static(sandbox)
    found = observed_pod(sandbox, [])
    assert (found.full_name, found.uid, found.file, found.attempt, found.is_ready, found.grace_s) == (
        POD.full_name, "u1", "tiny.yaml", 2, True, 7,
    )  # fmt: skip
    other = api.PodSandbox(state=api.PodSandboxState.SANDBOX_NOTREADY)
    assert not is_static(other)
    assert (observed_pod(other, []).is_ready, observed_pod(other, []).grace_s) == (False, 30)


def test_a_container_there_and_back() -> None:
    config = container_config(POD, LLM, 3, 2)
    assert (config.metadata.name, config.metadata.attempt, config.image.image) == ("llm", 3, "tiny")
    assert (list(config.command), list(config.args), config.log_path) == (["runm"], ["serve"], "llm/3.log")
    assert [(one.key, one.value) for one in config.envs] == [("A", "ä".encode())]
    assert [(one.container_path, one.host_path, one.readonly) for one in config.mounts] == [
        ("/m", "/host", True)
    ]
    assert config.linux.resources.memory_limit_in_bytes == 1 << 20
    assert config.annotations["bronzewillow.io/restart-policy"] == "Always"
    assert config.annotations["bronzewillow.io/restart-wait-s"] == "20"
    ports = json.loads(config.annotations["io.kubernetes.container.ports"])
    assert [one["containerPort"] for one in ports] == [8080, 9000]
    status = api.ContainerStatus(
        id="c", metadata=config.metadata, annotations=config.annotations, exit_code=9, reason="Error",
        state=api.ContainerState.CONTAINER_EXITED, started_at=1, finished_at=2, message="m", log_path="/l",
    )  # fmt: skip
    (found,) = observed_pod(api.PodSandbox(), [status]).containers
    assert found == ObservedContainer("c", "llm", 3, 2, State.EXITED, 9, "Error", "m", "/l", 1, 2)


def test_ports_that_have_names() -> None:
    named = replace(LLM, port_names=(("web", 9000), ("other", 9000)))
    annotations = container_config(POD, named, 0, 0).annotations
    assert json.loads(annotations["io.kubernetes.container.ports"]) == [
        {"name": "web", "containerPort": 9000, "protocol": "TCP"},
        {"name": "other", "containerPort": 9000, "protocol": "TCP"},
        {"containerPort": 8080, "protocol": "TCP"},
    ]


def test_a_container_that_names_no_port_and_no_limit() -> None:
    config = container_config(POD, Container("a", "b", "Never", (), (), (), (), 0, ()), 0, 0)
    assert "io.kubernetes.container.ports" not in config.annotations
    assert not config.HasField("linux")


def test_annotations_of_others_are_no_numbers() -> None:
    sandbox = api.PodSandbox(annotations={"io.kubernetes.pod.terminationGracePeriod": "9" * 40})
    assert observed_pod(sandbox, []).grace_s == 30
