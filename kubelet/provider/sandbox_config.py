"""A pod in CRI's words. What no process without a container can have is passed on, for the runtime to refuse.

Source: kubernetes/kubernetes, pkg/kubelet/kuberuntime/kuberuntime_sandbox.go.
"""

from __future__ import annotations

from pathlib import Path

from kubelet.model.pod_spec import (
    Object,
    all_containers,
    annotations_of,
    integer,
    labels_of,
    mapping,
    name,
    namespace,
    objects,
    spec,
    text,
    uid,
)
from kubelet.provider import labels as names
from kubelet.provider.security import namespace_option, security_profile, selinux_option
from runtime.api import cri_pb2 as api

_PROTOCOLS = ("TCP", "UDP", "SCTP")


def sandbox_config(pod: Object, attempt: int, logs: Path) -> api.PodSandboxConfig:
    """`logs`: the pod's folder of them."""
    config = api.PodSandboxConfig(
        metadata=api.PodSandboxMetadata(
            name=name(pod), uid=uid(pod), namespace=namespace(pod), attempt=attempt
        ),
        hostname=(text(spec(pod).get("hostname")) or name(pod))[:63],
        log_directory=str(logs),
        labels={**_texts(labels_of(pod)), **pod_labels(pod)},
        annotations=_texts(annotations_of(pod)),
        port_mappings=[
            _port_mapping(port) for one in all_containers(pod) for port in objects(one.get("ports"))
        ],
    )
    security = mapping(spec(pod).get("securityContext"))
    wanted = config.linux.security_context
    wanted.namespace_options.CopyFrom(namespace_option(pod))
    wanted.selinux_options.CopyFrom(selinux_option(security))
    wanted.seccomp.CopyFrom(security_profile(security.get("seccompProfile")))
    for field, target in (("runAsUser", wanted.run_as_user), ("runAsGroup", wanted.run_as_group)):
        if isinstance(security.get(field), int):
            target.value = security[field]
    for sysctl in objects(security.get("sysctls")):
        config.linux.sysctls[text(sysctl.get("name"))] = text(sysctl.get("value"))
    return config


def pod_labels(pod: Object) -> dict[str, str]:
    """By which its things are known again."""
    return {names.POD_NAME: name(pod), names.POD_NAMESPACE: namespace(pod), names.POD_UID: uid(pod)}


def _port_mapping(port: Object) -> api.PortMapping:
    protocol = text(port.get("protocol")) or "TCP"
    return api.PortMapping(
        protocol=protocol if protocol in _PROTOCOLS else "TCP",
        container_port=integer(port.get("containerPort")),
        host_port=integer(port.get("hostPort")),
        host_ip=text(port.get("hostIP")),
    )


def _texts(values: Object) -> dict[str, str]:
    return {key: value for key, value in values.items() if isinstance(value, str)}
