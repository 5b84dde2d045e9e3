"""Reading raw Pod objects.

What is absent, or is not of its type, counts as unset: nobody has validated static files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

Object = Mapping[str, Any]
"""An API object, or a part of one, as its JSON has it."""

SOURCE_ANNOTATION = "kubernetes.io/config.source"
HASH_ANNOTATION = "kubernetes.io/config.hash"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
_DEFAULT_GRACE_S = 30


class RestartPolicy(StrEnum):
    """The API's `restartPolicy`."""

    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


class Kind(StrEnum):
    """What a container is to its pod. Values are the field of the spec it stands in."""

    INIT = "initContainers"
    APP = "containers"


def mapping(value: object) -> Object:
    """Empty when it is none."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """Empty when it is none."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def objects(value: object) -> Iterator[Object]:
    """The objects of a list."""
    return (item for item in sequence(value) if isinstance(item, Mapping))


def text(value: object) -> str:
    """Empty when it is none."""
    return value if isinstance(value, str) else ""


def integer(value: object, default: int = 0) -> int:
    """`default` when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def metadata(pod: Object) -> Object:
    """The object's `metadata`; empty where it is malformed."""
    return mapping(pod.get("metadata"))


def spec(pod: Object) -> Object:
    """The object's `spec`; empty where it is malformed."""
    return mapping(pod.get("spec"))


def status(pod: Object) -> Object:
    """The object's `status`; empty where it is malformed."""
    return mapping(pod.get("status"))


def name(pod: Object) -> str:
    """The object's name; empty where it is malformed."""
    return text(metadata(pod).get("name"))


def namespace(pod: Object) -> str:
    """`default` when it names none."""
    return text(metadata(pod).get("namespace")) or "default"


def uid(pod: Object) -> str:
    """The object's UID; empty where it is malformed."""
    return text(metadata(pod).get("uid"))


def full_name(pod: Object) -> str:
    """`name_namespace(uid)`, as kubelets' messages have it."""
    return f"{name(pod)}_{namespace(pod)}({uid(pod)})"


def annotations_of(pod: Object) -> Object:
    """The object's annotations; empty where they are malformed."""
    return mapping(metadata(pod).get("annotations"))


def labels_of(pod: Object) -> Object:
    """The object's labels; empty where they are malformed."""
    return mapping(metadata(pod).get("labels"))


def containers(pod: Object, kind: Kind = Kind.APP) -> list[Object]:
    """Those that have a name, in order."""
    return [one for one in objects(spec(pod).get(kind.value)) if text(one.get("name"))]


def all_containers(pod: Object) -> list[Object]:
    """Init containers first."""
    return [*containers(pod, Kind.INIT), *containers(pod)]


def restart_policy(pod: Object) -> RestartPolicy:
    """Always by default."""
    try:
        return RestartPolicy(text(spec(pod).get("restartPolicy")))
    except ValueError:
        return RestartPolicy.ALWAYS


def is_sidecar(init_container: Object) -> bool:
    """An init container of restartPolicy Always runs beside the pod's others."""
    return init_container.get("restartPolicy") == RestartPolicy.ALWAYS


def is_static(pod: Object) -> bool:
    """From a file of this node."""
    source = annotations_of(pod).get(SOURCE_ANNOTATION)
    return isinstance(source, str) and source != "api"


def is_mirror(pod: Object) -> bool:
    """The API server's image of a static pod."""
    return MIRROR_ANNOTATION in annotations_of(pod)


def is_deleted(pod: Object) -> bool:
    """Whether its deletion was asked for."""
    return bool(metadata(pod).get("deletionTimestamp"))


def grace_s(pod: Object) -> int:
    """How long it may take to end: of the deletion, once there is one, else the spec's."""
    deletion = metadata(pod).get("deletionGracePeriodSeconds")
    if is_deleted(pod) and isinstance(deletion, int):
        return max(0, deletion)
    return max(0, integer(spec(pod).get("terminationGracePeriodSeconds"), _DEFAULT_GRACE_S))


def is_terminal(phase: object) -> bool:
    """Succeeded and Failed never change again."""
    return phase in ("Succeeded", "Failed")


def field_path(container: Object, kind: Kind) -> str:
    """Of events on a container: `spec.containers{llm}`."""
    return f"spec.{kind.value}{{{text(container.get('name'))}}}"


def spec_hash(container: Object) -> str:
    """Changes when a running container must be replaced.

    Name and image only: the API lets nothing else change, and defaults that a newer API server adds must not
    restart what runs.
    """
    picked = {"name": container.get("name"), "image": container.get("image")}
    encoded = json.dumps(picked, sort_keys=True).encode()
    return hashlib.sha256(encoded).hexdigest()[:8]


def orphan_pod(uid: str, name: str, namespace: str) -> dict[str, Any]:
    """In the place of a pod that only the runtime knows any more."""
    return {"metadata": {"uid": uid, "name": name, "namespace": namespace}, "spec": {"containers": []}}
