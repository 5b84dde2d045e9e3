"""A container of CRI as an OCI bundle of runm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bronzewillow.host.parsing import parse_json
from runtime.api import cri_pb2 as api
from runtime.cri.arguments import PROGRAM, VERB, Mounts, environment, serve_arguments
from runtime.cri.errors import InvalidArgument
from runtime.cri.network_environment import network_environment
from runtime.oci.state import OCI_VERSION

DEFAULT_PORT = 8080
PORTS_ANNOTATION = "io.kubernetes.container.ports"
"""A kubelet tells there, in JSON, which of the pod's ports are the container's."""


def make_bundle(
    config: api.ContainerConfig, pod: api.PodSandboxConfig, rootfs: Path, sockets: Path, model_name: str
) -> dict[str, Any]:
    """`config.json`. `sockets`: the pod's folder of them. InvalidArgument."""
    mounts = Mounts(config.mounts)
    listen = [
        word for port in ports_of(config, pod) for word in ("--listen", f"unix:{sockets / f'{port}.sock'}")
    ]
    words = [PROGRAM, VERB, *listen, "--name", model_name]
    around = {**network_environment(sockets), **environment(config.envs, mounts)}
    process = {
        "args": words + serve_arguments(config.command, config.args, mounts),
        "env": [f"{name}={value}" for name, value in around.items()],
        "cwd": "/",
    }
    bundle: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "root": {"path": str(rootfs), "readonly": True},
        "process": process,
        "annotations": {**config.annotations, **_names(config, pod, model_name)},
    }
    if limit := config.linux.resources.memory_limit_in_bytes:
        bundle["linux"] = {"resources": {"memory": {"limit": limit}}}
    return bundle


def _names(config: api.ContainerConfig, pod: api.PodSandboxConfig, model_name: str) -> dict[str, str]:
    """For `runm ps`, as containerd's CRI names them (internal/cri/annotations)."""
    return {
        "io.kubernetes.cri.sandbox-namespace": pod.metadata.namespace,
        "io.kubernetes.cri.sandbox-name": pod.metadata.name,
        "io.kubernetes.cri.container-name": config.metadata.name,
        "io.kubernetes.cri.image-name": model_name,
    }


def ports_of(config: api.ContainerConfig, pod: api.PodSandboxConfig) -> list[int]:
    """On which it is to serve: its own, else the pod's, else 8080. InvalidArgument."""
    told = config.annotations.get(PORTS_ANNOTATION, "")
    if told:
        try:
            ports = [_tcp_port(one) for one in parse_json(told)]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidArgument(
                f"annotation {PORTS_ANNOTATION}: is not the list of ports that a kubelet writes"
            ) from None
        return sorted({port for port in ports if port}) or [DEFAULT_PORT]
    mapped = {one.container_port for one in pod.port_mappings if one.protocol == api.Protocol.TCP}
    return sorted(mapped - {0}) or [DEFAULT_PORT]


def _tcp_port(one: Mapping[str, Any]) -> int:
    port = int(one["containerPort"])
    if not 0 < port < 65536:
        raise ValueError(port)
    return port if one.get("protocol", "TCP") == "TCP" else 0
