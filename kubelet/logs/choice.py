"""Which run of which container is meant, among what the runtime lists. Pure.

Pods are known here by the runtime alone: static pods and those of a cluster are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubelet.refusal import Refusal
from runtime.api import cri_pb2 as api

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class NoSuchLog(Refusal):
    """One line: what is not here, and what there is instead."""


def choose_pod(wanted: str, namespace: str | None, sandboxes: Iterable[api.PodSandbox]) -> api.PodSandbox:
    """By its name or the beginning of it, with or without NAMESPACE/; the newest of that name. NoSuchLog."""
    known: dict[str, api.PodSandbox] = {}
    for one in sorted(sandboxes, key=lambda one: one.created_at):
        if namespace in (None, one.metadata.namespace):
            known[full_name(one)] = one
    found = [name for name in known if wanted in (name, name.partition("/")[2])]
    found = found or [name for name in known if _begins(name, wanted)]
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise NoSuchLog(f"pod {wanted!r}: is not the only one; there are: {_listed(found)}")
    place = "" if namespace is None else f" in namespace {namespace}"
    raise NoSuchLog(f"pod {wanted!r}: is not here; there are{place}: {_listed(known)}")


def choose_run(
    pod: api.PodSandbox,
    wanted: str | None,
    sandboxes: Iterable[api.PodSandbox],
    containers: Iterable[api.Container],
    *,
    is_previous: bool,
) -> api.Container:
    """The newest run of a container that has begun, or, as previous, the newest that has ended. NoSuchLog.

    `wanted`: the container's name; without, the pod has but one, or an annotation that names its default.
    """
    of_pod = {one.id for one in sandboxes if one.metadata.uid == pod.metadata.uid}
    mine = sorted(
        (one for one in containers if one.pod_sandbox_id in of_pod),
        key=lambda one: (one.created_at, one.metadata.attempt),
    )
    name = _choose_name(pod, wanted, mine)
    for one in reversed(mine):
        is_meant = one.state == api.CONTAINER_EXITED if is_previous else one.state != api.CONTAINER_CREATED
        if one.metadata.name == name and is_meant:
            return one
    why = "has not ended yet: there is no previous run of it" if is_previous else "has not been started yet"
    raise NoSuchLog(f"{full_name(pod)}: container {name} {why}")


def full_name(pod: api.PodSandbox) -> str:
    """NAMESPACE/NAME."""
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _choose_name(pod: api.PodSandbox, wanted: str | None, containers: Sequence[api.Container]) -> str:
    names = list(dict.fromkeys(one.metadata.name for one in containers))
    if not names:
        raise NoSuchLog(
            f"{full_name(pod)}: has no container yet; bronzewillow status tells what it waits for"
        )
    if wanted is None:
        default = pod.annotations.get(_DEFAULT_CONTAINER, "")
        if len(names) > 1 and default not in names:
            raise NoSuchLog(
                f"{full_name(pod)}: has several containers: {_listed(names)}; choose one with --container"
            )
        return default if default in names else names[0]
    if wanted not in names:
        raise NoSuchLog(f"{full_name(pod)}: container {wanted!r} is not here; there are: {_listed(names)}")
    return wanted


def _begins(name: str, wanted: str) -> bool:
    return name.startswith(wanted) or name.partition("/")[2].startswith(wanted)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
