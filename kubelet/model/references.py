"""ConfigMaps and Secrets that a pod names: what a node identity may read, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubelet.model.pod_spec import Object, all_containers, mapping, objects, spec, text


@dataclass(frozen=True, slots=True)
class References:
    """Names, in the pod's namespace."""

    config_maps: frozenset[str]
    secrets: frozenset[str]
    pull_secrets: tuple[str, ...]
    """In the order of the spec."""


def references(pod: Object) -> References:
    """Of environment, volumes and images."""
    found = [*_of_volumes(pod), *_of_environment(pod)]
    pull_secrets = [text(one.get("name")) for one in objects(spec(pod).get("imagePullSecrets"))]
    return References(
        frozenset(name for kind, name in found if kind == "configMap" and name),
        frozenset(name for kind, name in found if kind == "secret" and name),
        tuple(name for name in pull_secrets if name),
    )


def _of_volumes(pod: Object) -> Iterator[tuple[str, str]]:
    for volume in objects(spec(pod).get("volumes")):
        yield from _of_source(volume)
        for source in objects(mapping(volume.get("projected")).get("sources")):
            yield from _of_source(source)


def _of_source(source: Object) -> Iterator[tuple[str, str]]:
    yield "configMap", text(mapping(source.get("configMap")).get("name"))
    secret = mapping(source.get("secret"))
    yield "secret", text(secret.get("secretName")) or text(secret.get("name"))


def _of_environment(pod: Object) -> Iterator[tuple[str, str]]:
    for container in all_containers(pod):
        for source in objects(container.get("envFrom")):
            yield "configMap", text(mapping(source.get("configMapRef")).get("name"))
            yield "secret", text(mapping(source.get("secretRef")).get("name"))
        for variable in objects(container.get("env")):
            origin = mapping(variable.get("valueFrom"))
            yield "configMap", text(mapping(origin.get("configMapKeyRef")).get("name"))
            yield "secret", text(mapping(origin.get("secretKeyRef")).get("name"))
