"""What a pod asks for that a process on a Mac cannot have, by the names of its fields.

A seccomp profile RuntimeDefault is accepted, since namespaces that enforce the restricted standard demand it:
the runtime's default is none. So are shareProcessNamespace, readOnlyRootFilesystem, dropped capabilities,
fsGroup, DNS settings and host aliases, which have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from kubelet.model.pod_spec import Kind, Object, containers, mapping, objects, sequence, spec, text

_VOLUMES = ("emptyDir", "configMap", "secret", "projected", "downwardAPI", "hostPath")
_PROJECTIONS = ("configMap", "secret", "downwardAPI", "serviceAccountToken")
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_HOOKS = ("postStart", "preStop")


def unsupported_fields(pod: Object, user_id: int, host_path_roots: Sequence[str]) -> list[str]:
    """Each with the reason, where it is not plain.

    `host_path_roots`: folders below which hostPath may point; who mounts looks at symbolic links again.
    """
    found = list(_of_pod(spec(pod), user_id))
    for volume in objects(spec(pod).get("volumes")):
        found.extend(_of_volume(volume, host_path_roots))
    for kind in Kind:
        for container in containers(pod, kind):
            place = f"spec.{kind.value}[{text(container.get('name'))}]"
            found.extend(f"{place}.{field}" for field in _of_container(container, user_id))
    return found


def _of_pod(pod: Object, user_id: int) -> Iterator[str]:
    yield from (f"spec.{name}" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name) is True)
    if pod.get("hostUsers") is False:
        yield "spec.hostUsers: false"
    for field in ("resourceClaims", "ephemeralContainers"):
        if sequence(pod.get(field)):
            yield f"spec.{field}"
    context = mapping(pod.get("securityContext"))
    if sequence(context.get("sysctls")):
        yield "spec.securityContext.sysctls"
    yield from (f"spec.securityContext.{field}" for field in _of_context(context, user_id))


def _of_context(context: Object, user_id: int) -> Iterator[str]:
    """What pods and containers have in common."""
    for field in ("seLinuxOptions", "windowsOptions"):
        if mapping(context.get(field)):
            yield field
    for field in ("seccompProfile", "appArmorProfile"):
        if mapping(context.get(field)).get("type") == "Localhost":
            yield f"{field}.type: Localhost"
    user = context.get("runAsUser")
    if isinstance(user, int) and user != user_id:
        yield f"runAsUser: {user} (all containers run as user {user_id})"
    if context.get("runAsNonRoot") is True and user_id == 0:
        yield "runAsNonRoot (the node runs as root)"


def _of_volume(volume: Object, roots: Sequence[str]) -> Iterator[str]:
    place = f"spec.volumes[{text(volume.get('name'))}]"
    kinds = [key for key, value in volume.items() if key != "name" and value is not None]
    yield from (f"{place}.{kind}" for kind in kinds if kind not in _VOLUMES)
    medium = text(mapping(volume.get("emptyDir")).get("medium"))
    if medium not in ("", "Memory"):
        yield f"{place}.emptyDir.medium: {medium}"
    for source in objects(mapping(volume.get("projected")).get("sources")):
        yield from (f"{place}.projected.{kind}" for kind in source if kind not in _PROJECTIONS)
    host_path = mapping(volume.get("hostPath"))
    if host_path:
        path, kind = text(host_path.get("path")), text(host_path.get("type"))
        if kind in ("CharDevice", "BlockDevice"):
            yield f"{place}.hostPath.type: {kind}"
        if not _is_below(path, roots):
            allowed = f"allowed are {', '.join(roots)}" if roots else "none is allowed on this node"
            yield f"{place}.hostPath.path: {path} ({allowed})"


def _is_below(path: str, roots: Sequence[str]) -> bool:
    pure = PurePosixPath(path)
    return ".." not in pure.parts and pure.is_absolute() and any(pure.is_relative_to(root) for root in roots)


def _of_container(container: Object, user_id: int) -> Iterator[str]:
    yield from (name for name in ("stdin", "tty") if container.get(name) is True)
    if sequence(container.get("volumeDevices")):
        yield "volumeDevices"
    for mount in objects(container.get("volumeMounts")):
        if mount.get("mountPropagation") == "Bidirectional":
            yield f"volumeMounts[{text(mount.get('name'))}].mountPropagation: Bidirectional"
    for port in objects(container.get("ports")):
        if port.get("hostPort"):
            yield f"ports[{port.get('containerPort')}].hostPort"
    context = mapping(container.get("securityContext"))
    if context.get("privileged") is True:
        yield "securityContext.privileged"
    if sequence(mapping(context.get("capabilities")).get("add")):
        yield "securityContext.capabilities.add"
    if context.get("procMount") == "Unmasked":
        yield "securityContext.procMount: Unmasked"
    yield from (f"securityContext.{field}" for field in _of_context(context, user_id))
    for probe in _PROBES:
        if mapping(container.get(probe)).get("exec") is not None:
            yield f"{probe}.exec (use httpGet, tcpSocket or grpc)"
    for hook in _HOOKS:
        handler = mapping(mapping(container.get("lifecycle")).get(hook))
        for kind in ("exec", "tcpSocket"):
            if handler.get(kind) is not None:
                yield f"lifecycle.{hook}.{kind} (use httpGet or sleep)"
