"""Pods of files, and their mirrors on the API server. k/k pkg/kubelet/config, pkg/kubelet/pod."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from kubelet.model.pod_spec import (
    HASH_ANNOTATION,
    MIRROR_ANNOTATION,
    SOURCE_ANNOTATION,
    Kind,
    Object,
    annotations_of,
    containers,
    is_deleted,
    mapping,
    metadata,
    objects,
    sequence,
    spec,
    text,
)

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_FORBIDDEN = ("serviceAccountName", "serviceAccount")


class StaticPodError(ValueError):
    """A file that is no pod; one line: what is wrong, and the cure."""


class MirrorStep(Enum):
    """What to do about a mirror pod."""

    NONE = "none"
    CREATE = "create"
    DELETE = "delete"
    """It is another pod's or outdated; it is created when it has gone."""


def static_pod(value: object, node_name: str, source: str) -> dict[str, Any]:
    """The pod of a file: named for the node, with a UID that changes with its content. StaticPodError.

    `source`: the file's path, which is part of the UID.
    """
    pod = _check(value)
    name = f"{text(metadata(pod).get('name'))}-{node_name}"
    namespace = text(metadata(pod).get("namespace")) or "default"
    identity = json.dumps([node_name, source, name, namespace, pod], sort_keys=True, default=str)
    uid = hashlib.sha256(identity.encode()).hexdigest()[:32]
    annotations = {**annotations_of(pod), SOURCE_ANNOTATION: "file", HASH_ANNOTATION: uid}
    tolerations = [*objects(spec(pod).get("tolerations")), {"operator": "Exists", "effect": "NoExecute"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata(pod),
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "annotations": annotations,
        },
        "spec": {**spec(pod), "nodeName": node_name, "tolerations": tolerations},
        "status": {"phase": "Pending"},
    }


def mirror_pod(pod: Object, node_uid: str) -> dict[str, Any]:
    """What is created on the API server for a static pod."""
    node_name = text(spec(pod).get("nodeName"))
    annotations = annotations_of(pod)
    owner = {
        "apiVersion": "v1",
        "kind": "Node",
        "name": node_name,
        "uid": node_uid,
        "controller": True,
    }
    kept = {key: value for key, value in metadata(pod).items() if key != "uid"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **kept,
            "annotations": {**annotations, MIRROR_ANNOTATION: text(annotations.get(HASH_ANNOTATION))},
            "ownerReferences": [owner],
        },
        "spec": dict(spec(pod)),
    }


def mirror_step(pod: Object | None, mirror: Object | None) -> MirrorStep:
    """`pod`: the static pod, None when its file is gone; `mirror`: what the API server has of that name."""
    if pod is None:
        return MirrorStep.DELETE if mirror is not None else MirrorStep.NONE
    if mirror is None:
        return MirrorStep.CREATE
    wanted = annotations_of(pod).get(HASH_ANNOTATION)
    is_ours = annotations_of(mirror).get(MIRROR_ANNOTATION) == wanted
    return MirrorStep.NONE if is_ours and not is_deleted(mirror) else MirrorStep.DELETE


def _check(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or value.get("kind") != "Pod" or value.get("apiVersion") != "v1":
        raise StaticPodError("it is not a Pod: kind: Pod and apiVersion: v1 are needed")
    name = metadata(value).get("name")
    if not isinstance(name, str) or _SUBDOMAIN.fullmatch(name) is None:
        raise StaticPodError("metadata.name: use lower-case letters, digits, - and .")
    namespace = metadata(value).get("namespace", "default")
    if not isinstance(namespace, str) or _LABEL.fullmatch(namespace) is None:
        raise StaticPodError("metadata.namespace: use lower-case letters, digits and -")
    for field in _FORBIDDEN:
        if spec(value).get(field):
            raise StaticPodError(f"spec.{field}: a static pod has no service account; leave it out")
    if not containers(value):
        raise StaticPodError("spec.containers: at least one is needed")
    _check_containers(value)
    for volume in objects(spec(value).get("volumes")):
        for kind in ("secret", "configMap", "persistentVolumeClaim"):
            if mapping(volume.get(kind)):
                place = f"spec.volumes[{text(volume.get('name'))}].{kind}"
                raise StaticPodError(f"{place}: a static pod may not refer to objects of the API server")
    return value


def _check_containers(pod: Object) -> None:
    seen: set[str] = set()
    for kind in Kind:
        for index, container in enumerate(sequence(spec(pod).get(kind.value))):
            place = f"spec.{kind.value}[{index}]"
            name = text(mapping(container).get("name"))
            if _LABEL.fullmatch(name) is None:
                raise StaticPodError(f"{place}.name: use lower-case letters, digits and -, at most 63")
            if name in seen:
                raise StaticPodError(f"{place}.name: {name} is there twice")
            if not text(mapping(container).get("image")):
                raise StaticPodError(f"{place}.image: an image is needed")
            seen.add(name)
