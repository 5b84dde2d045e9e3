"""A Pod's manifest: what of it counts on a node without a cluster, what is refused, what is left out.

What would change which process runs, and cannot be done here, is refused; what only a cluster could look at
is left out, with a note. The container runtime has a say of its own.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kubelet.model.quantity import QuantityError, parse_quantity
from kubelet.static.documents import Document
from kubelet.static.fields import Object, Problems

DEFAULT_PORT = 8080
"""On which the runtime lets a container serve that names none."""
_DEFAULT_GRACE_S = 30
_LONGEST_GRACE_S = 3600
_LONGEST_NAME = 253
_LONGEST_LABEL = 63
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ENV_NAME = re.compile(r"[!-<>-~]+")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PULL_POLICIES = ("IfNotPresent", "Always", "Never")
_LIST_KINDS = ("List", "PodList")

_OF_A_CLUSTER = (
    "affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostname",
    "imagePullSecrets", "nodeName", "nodeSelector", "preemptionPolicy", "priority", "priorityClassName",
    "readinessGates", "runtimeClassName", "schedulerName", "serviceAccount", "serviceAccountName",
    "subdomain", "tolerations", "topologySpreadConstraints",
)  # fmt: skip
_NOT_OF_A_POD = (
    "activeDeadlineSeconds", "ephemeralContainers", "hostAliases", "hostIPC", "hostNetwork", "hostPID",
    "initContainers", "os", "shareProcessNamespace",
)  # fmt: skip
_OF_A_KUBELET = (
    "lifecycle", "livenessProbe", "readinessProbe", "resizePolicy", "startupProbe", "terminationMessagePath",
    "terminationMessagePolicy",
)  # fmt: skip
_NOT_OF_A_CONTAINER = (
    "envFrom", "restartPolicy", "stdin", "stdinOnce", "tty", "volumeDevices", "workingDir"
)  # fmt: skip
_HARMLESS_SECURITY = (
    "allowPrivilegeEscalation",
    "readOnlyRootFilesystem",
    "runAsNonRoot",
    "fsGroupChangePolicy",
)
_LEFT_OUT = "is left out: static pods are run without a cluster"
_NOT_DONE = "cannot be done for a static pod; take it out"


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of this machine, as a container names it."""

    container_path: str
    host_path: str
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a static pod."""

    name: str
    image: str
    pull_policy: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]
    """TCP; empty where the manifest names none."""
    memory_limit_bytes: int
    """0 for none."""
    mounts: tuple[Mount, ...]
    port_names: tuple[tuple[str, int], ...] = ()
    """Those of `ports` that have one."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A static pod that is to run."""

    namespace: str
    name: str
    """That of the manifest and of the node, as every kubelet names static pods."""
    uid: str
    """A hash of all that the manifest says: another manifest is another pod."""
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    restart_policy: str
    grace_s: int
    containers: tuple[Container, ...]
    file: str
    """The name of its manifest's file."""

    @property
    def full_name(self) -> str:
        """`namespace/name`; no two pods of a node have the same."""
        return f"{self.namespace}/{self.name}"


def parse_manifest(document: Document, path: Path, node_name: str) -> tuple[list[Pod], Problems]:
    """The pods of one document of the file `path`; they are not to be used when there are problems."""
    problems = Problems(str(path), document)
    if not isinstance(document.value, dict):
        problems.add((), "is no manifest: expected an object with apiVersion, kind and metadata")
        return [], problems
    return _pods(Object(document.value, (), problems), document.value, path.name, node_name), problems


def _pods(manifest: Object, value: dict[str, Any], file: str, node_name: str) -> list[Pod]:
    kind = manifest.text("kind")
    version = manifest.text("apiVersion")
    if kind in _LIST_KINDS:
        found = []
        for one in manifest.objects("items"):
            inner = value["items"][one.path[-1]]
            found += _pods(one, inner, file, node_name)
        return found
    if kind and kind != "Pod":
        manifest.problems.note((*manifest.path, "kind"), f"{kind}: only Pods are run from a folder")
        return []
    if version and version != "v1":
        manifest.fail("apiVersion", f"{version!r} is not v1")
    manifest.accept("status")
    pod = _pod(manifest, value, file, node_name)
    manifest.refuse_unknown()
    return [pod]


def _pod(manifest: Object, value: dict[str, Any], file: str, node_name: str) -> Pod:
    metadata, spec = manifest.object("metadata"), manifest.object("spec")
    name = metadata.text("name")
    namespace = metadata.text("namespace", "default")
    longest = _LONGEST_NAME - len(node_name) - 1
    if name and (not _SUBDOMAIN.fullmatch(name) or len(name) > longest):
        metadata.fail(
            "name", f"{name!r}: write lower-case letters, digits, '-' and '.', at most {longest} of them"
        )
    if not _LABEL.fullmatch(namespace) or len(namespace) > _LONGEST_LABEL:
        metadata.fail("namespace", f"{namespace!r}: write lower-case letters, digits and '-'")
    spec.leave_out(_OF_A_CLUSTER, _LEFT_OUT)
    spec.refuse(_NOT_OF_A_POD, _NOT_DONE)
    _check_security(spec)
    volumes = _volumes(spec)
    restart_policy = spec.choice("restartPolicy", _RESTART_POLICIES, "Always")
    grace_s = spec.number("terminationGracePeriodSeconds", 0, _LONGEST_GRACE_S, _DEFAULT_GRACE_S)
    containers = [_container(one, volumes) for one in spec.objects("containers")]
    if not containers:
        spec.fail("containers", "a pod needs at least one")
    _check_clashes(spec, containers)
    spec.refuse_unknown()
    return Pod(
        namespace,
        f"{name}-{node_name}",
        _hash(value, file, node_name),
        tuple(sorted(metadata.text_map("labels").items())),
        tuple(sorted(metadata.text_map("annotations").items())),
        restart_policy,
        grace_s,
        tuple(containers),
        file,
    )


def _container(one: Object, volumes: dict[str, str]) -> Container:
    name = one.text("name")
    if name and (not _LABEL.fullmatch(name) or len(name) > _LONGEST_LABEL):
        one.fail(
            "name", f"{name!r}: write lower-case letters, digits and '-', at most {_LONGEST_LABEL} of them"
        )
    one.leave_out(_OF_A_KUBELET, _LEFT_OUT)
    one.refuse(_NOT_OF_A_CONTAINER, _NOT_DONE)
    _check_security(one)
    command, args = one.texts("command"), one.texts("args")
    for key, words in (("command", command), ("args", args)):
        if any("$(" in word for word in words):
            one.fail(key, "$(...) is not replaced in a static pod; write the value itself")
    # deviation: Kubernetes pulls `latest` each time, but an image that `runm create` made is in no registry
    pull_policy = one.choice("imagePullPolicy", _PULL_POLICIES, "IfNotPresent")
    ports, port_names = _ports(one)
    found = Container(
        name, one.text("image"), pull_policy, command, args, _env(one), ports, _memory_limit(one),
        _mounts(one, volumes), port_names,
    )  # fmt: skip
    one.refuse_unknown()
    return found


def _env(container: Object) -> tuple[tuple[str, str], ...]:
    found = {}
    for one in container.objects("env"):
        name = one.text("name")
        if name and not _ENV_NAME.fullmatch(name):
            one.fail("name", f"{name!r}: is no name of a variable")
        one.refuse(("valueFrom",), _NOT_DONE + " and write the value itself")
        value = one.text("value", "")
        if "$(" in value:
            one.fail("value", "$(...) is not replaced in a static pod; write the value itself")
        one.refuse_unknown()
        found[name] = value
    return tuple(found.items())


def _ports(container: Object) -> tuple[tuple[int, ...], tuple[tuple[str, int], ...]]:
    """All of them, and those that have names."""
    found, named = [], []
    for one in container.objects("ports"):
        number = one.number("containerPort", 1, 65535)
        name = one.text("name", "")
        one.refuse(("hostPort", "hostIP"), "cannot be mapped; call the pod's address, or its socket")
        if one.choice("protocol", ("TCP", "UDP", "SCTP"), "TCP") != "TCP":
            one.fail("protocol", "models are served on TCP alone")
        one.refuse_unknown()
        found.append(number)
        if name:
            named.append((name, number))
    return tuple(sorted(set(found))), tuple(named)


def _memory_limit(container: Object) -> int:
    resources = container.object("resources")
    resources.leave_out(("requests", "claims"), _LEFT_OUT)
    limits = resources.object("limits")
    limit = limits.raw("memory")
    others = [key for key in (resources.raw("limits") or {}) if key != "memory"]
    limits.leave_out(others, "is left out: only memory is limited, before a model is loaded")
    resources.refuse_unknown()
    if limit is None:
        return 0
    try:
        limit_bytes = parse_quantity(limit).units
    except QuantityError as error:
        limits.fail("memory", str(error))
        return 0
    if limit_bytes < 0:
        limits.fail("memory", f"{limit!r} is less than nothing")
        return 0
    return limit_bytes


def _volumes(spec: Object) -> dict[str, str]:
    found = {}
    for one in spec.objects("volumes"):
        name = one.text("name")
        if one.raw("hostPath") is None:
            one.problems.add(one.path, f"volume {name!r}: only hostPath can be had by a static pod")
            one.accept(*one.given())
            continue
        host = one.object("hostPath")
        path = host.text("path")
        host.accept("type")
        host.refuse_unknown()
        if path and not path.startswith("/"):
            host.fail("path", f"{path!r} is not an absolute path")
        one.refuse_unknown()
        found[name] = path
    return found


def _mounts(container: Object, volumes: dict[str, str]) -> tuple[Mount, ...]:
    found = []
    for one in container.objects("volumeMounts"):
        name, path = one.text("name"), one.text("mountPath")
        sub_path, read_only = one.text("subPath", ""), one.flag("readOnly")
        one.refuse(("mountPropagation", "subPathExpr", "recursiveReadOnly"), _NOT_DONE)
        if name and name not in volumes:
            one.fail(
                "name", f"there is no volume {name!r}; there are: {', '.join(sorted(volumes)) or 'none'}"
            )
        if path and not path.startswith("/"):
            one.fail("mountPath", f"{path!r} is not an absolute path")
        if sub_path.startswith("/") or ".." in PurePosixPath(sub_path).parts:
            one.fail("subPath", f"{sub_path!r} leads out of the volume")
        one.refuse_unknown()
        host_path = posixpath.join(volumes.get(name, "/"), sub_path).rstrip("/") or "/"
        found.append(Mount(path, host_path, read_only))
    return tuple(found)


def _check_security(owner: Object) -> None:
    security = owner.object("securityContext")
    security.accept(*_HARMLESS_SECURITY)
    capabilities = security.object("capabilities")
    capabilities.accept("drop")
    capabilities.refuse(("add",), _NOT_DONE)
    capabilities.refuse_unknown()
    security.refuse(
        [key for key in security.given() if key not in (*_HARMLESS_SECURITY, "capabilities")],
        "there is no container around a static pod's process, which runs as you; take it out",
    )


def _check_clashes(spec: Object, containers: list[Container]) -> None:
    names: set[str] = set()
    ports: dict[int, str] = {}
    for number, one in enumerate(containers):
        where = (*spec.path, "containers", number)
        if one.name in names:
            spec.problems.add(where, f"another container is called {one.name!r}, too")
        names.add(one.name)
        for port in one.ports or (DEFAULT_PORT,):
            if port in ports:
                spec.problems.add(
                    where, f"port {port} is that of container {ports[port]!r}, too; give each its own"
                )
            ports[port] = one.name


def _hash(value: dict[str, Any], file: str, node_name: str) -> str:
    told = {key: one for key, one in value.items() if key != "status"}
    text = json.dumps([node_name, file, told], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
