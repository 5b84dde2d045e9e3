"""A container in CRI's words.

Source: kubernetes/kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go and ..._linux.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kubelet.model.pod_spec import Object, grace_s, mapping, objects, text
from kubelet.model.quantity import NANO
from kubelet.model.resources import container_limits, container_requests
from kubelet.provider import labels as names
from kubelet.provider.logs import log_name
from kubelet.provider.sandbox_config import pod_labels
from kubelet.provider.security import container_security
from runtime.api import cri_pb2 as api

DEFAULT_MESSAGE_PATH = "/dev/termination-log"
_CPU_PERIOD_US = 100_000
_LEAST_SHARES, _SHARES_PER_CPU = 2, 1024
_SIGNAL_PREFIX = "SIGNAL_"
_SIGNALS = frozenset(api.Signal.keys())


@dataclass(frozen=True, slots=True)
class Mounted:
    """A volume, or a part of it, in a container."""

    container_path: str
    host_path: str
    is_readonly: bool = False
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a container is told, once ConfigMaps, Secrets and variables have been looked up."""

    command: Sequence[str] = ()
    args: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[Mounted] = ()


def container_config(
    pod: Object,
    container: Object,
    resolved: Resolved,
    *,
    attempt: int,
    image: str,
    image_ref: str,
    spec_hash: str,
) -> api.ContainerConfig:
    """What CRI is told of a container. QuantityError."""
    name = text(container.get("name"))
    config = api.ContainerConfig(
        metadata=api.ContainerMetadata(name=name, attempt=attempt),
        image=api.ImageSpec(image=image_ref, user_specified_image=image),
        command=resolved.command,
        args=resolved.args,
        working_dir=text(container.get("workingDir")),
        envs=[
            api.KeyValue(key=key, value=value.encode("utf-8", "surrogateescape"))
            for key, value in resolved.environment.items()
        ],
        mounts=[_mount(one) for one in resolved.mounts],
        labels={**pod_labels(pod), names.CONTAINER_NAME: name},
        annotations=_annotations(pod, container, attempt, spec_hash),
        log_path=log_name(name, attempt),
        stdin=container.get("stdin") is True,
        stdin_once=container.get("stdinOnce") is True,
        tty=container.get("tty") is True,
    )
    config.linux.resources.CopyFrom(linux_resources(container))
    config.linux.security_context.CopyFrom(container_security(pod, container))
    signal = _SIGNAL_PREFIX + text(mapping(container.get("lifecycle")).get("stopSignal"))
    if signal in _SIGNALS:
        config.MergeFrom(api.ContainerConfig(stop_signal=signal))
    return config


def linux_resources(container: Object) -> api.LinuxContainerResources:
    """Its requests and limits in CRI's terms. QuantityError."""
    requests, limits = container_requests(container), container_limits(container)
    cpu, cpu_limit = requests.get("cpu", 0), limits.get("cpu", 0)
    return api.LinuxContainerResources(
        cpu_shares=max(_LEAST_SHARES, cpu * _SHARES_PER_CPU // NANO),
        cpu_period=_CPU_PERIOD_US if cpu_limit else 0,
        cpu_quota=max(1000, cpu_limit * _CPU_PERIOD_US // NANO) if cpu_limit else 0,
        memory_limit_in_bytes=limits.get("memory", 0) // NANO,
    )


def _annotations(pod: Object, container: Object, attempt: int, spec_hash: str) -> dict[str, str]:
    found = {
        names.HASH: spec_hash,
        names.RESTART_COUNT: str(attempt),
        names.MESSAGE_PATH: text(container.get("terminationMessagePath")) or DEFAULT_MESSAGE_PATH,
        names.MESSAGE_POLICY: text(container.get("terminationMessagePolicy")) or "File",
        names.POD_GRACE: str(grace_s(pod)),
    }
    if ports := list(objects(container.get("ports"))):
        found[names.PORTS] = json.dumps([dict(port) for port in ports])
    return found


def _mount(one: Mounted) -> api.Mount:
    propagation = {
        "Bidirectional": api.MountPropagation.PROPAGATION_BIDIRECTIONAL,
        "HostToContainer": api.MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
    }.get(one.propagation, api.MountPropagation.PROPAGATION_PRIVATE)
    return api.Mount(
        container_path=one.container_path,
        host_path=one.host_path,
        readonly=one.is_readonly,
        propagation=propagation,
    )
