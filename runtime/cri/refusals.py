"""What a pod may ask for that no process without a container can have: it is refused, not ignored."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator

from runtime.api import cri_pb2 as api
from runtime.cri.errors import InvalidArgument

_NODE, _TARGET = api.NamespaceMode.NODE, api.NamespaceMode.TARGET
_UNCONFINED = (api.SecurityProfile.ProfileType.Unconfined, "unconfined", "")


def check_sandbox(config: api.PodSandboxConfig) -> None:
    """InvalidArgument with all that cannot be, in one line."""
    _raise("pod", config.metadata.name, list(_of_sandbox(config)))


def check_container(config: api.ContainerConfig) -> None:
    """InvalidArgument with all that cannot be, in one line."""
    _raise("container", config.metadata.name, list(_of_container(config)))


def _raise(kind: str, name: str, reasons: list[str]) -> None:
    if reasons:
        raise InvalidArgument(
            f"{kind} {name!r}: a model's server runs without a container: {'; '.join(reasons)}"
        )


def _of_sandbox(config: api.PodSandboxConfig) -> Iterator[str]:
    security = config.linux.security_context
    yield from _of_security(security)
    yield from _of_namespaces(security.namespace_options)
    if config.linux.sysctls:
        yield f"sysctls cannot be set ({', '.join(sorted(config.linux.sysctls))})"
    ports = [str(port.host_port) for port in config.port_mappings if port.host_port]
    if ports:
        yield f"hostPort {', '.join(ports)} cannot be mapped; call the pod's address"


def _of_container(config: api.ContainerConfig) -> Iterator[str]:
    security = config.linux.security_context
    yield from _of_security(security)
    yield from _of_namespaces(security.namespace_options)
    if security.capabilities.add_capabilities or security.capabilities.add_ambient_capabilities:
        yield "capabilities cannot be added"
    if security.run_as_username and security.run_as_username != getpass.getuser():
        yield f"runAsUser {security.run_as_username!r} is not that of this node's runtime"
    if config.devices or config.CDI_devices:
        yield "devices cannot be given"
    if config.tty or config.stdin:
        yield "there is no terminal and no standard input"
    for mount in config.mounts:
        if mount.propagation == api.MountPropagation.PROPAGATION_BIDIRECTIONAL:
            yield f"the mount {mount.container_path} cannot be bidirectional"
        if mount.image.image:
            yield f"the mount {mount.container_path} cannot be an image"


def _of_security(
    security: api.LinuxSandboxSecurityContext | api.LinuxContainerSecurityContext,
) -> Iterator[str]:
    if security.privileged:
        yield "it cannot be privileged"
    if security.HasField("run_as_user") and security.run_as_user.value != os.getuid():
        yield f"runAsUser {security.run_as_user.value} is not that of this node's runtime ({os.getuid()})"
    if security.HasField("run_as_group") and security.run_as_group.value != os.getgid():
        yield f"runAsGroup {security.run_as_group.value} is not that of this node's runtime ({os.getgid()})"
    for name in ("seccomp", "apparmor"):
        if security.HasField(name) and getattr(security, name).profile_type not in _UNCONFINED:
            yield f"{name} profiles cannot be applied"
    if any(
        getattr(security, name, "") not in _UNCONFINED
        for name in ("seccomp_profile_path", "apparmor_profile")
    ):
        yield "seccomp and AppArmor profiles cannot be applied"
    options = security.selinux_options
    if options.user or options.role or options.type or options.level:
        yield "SELinux labels cannot be applied"


def _of_namespaces(options: api.NamespaceOption) -> Iterator[str]:
    for name in ("network", "pid", "ipc"):
        if getattr(options, name) == _NODE:
            yield f"the host's {name} namespace cannot be shared"
        elif getattr(options, name) == _TARGET:
            yield f"another container's {name} namespace cannot be entered"
    if options.HasField("userns_options") and options.userns_options.mode == api.NamespaceMode.POD:
        yield "there are no user namespaces"
