"""The environment of a container, its command and arguments.

Services' variables, then `envFrom`, then `env`; later ones win, and `$(NAME)` sees what stands before it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kubelet.model.expansion import expand
from kubelet.model.field_ref import DownwardFacts, FieldError, field_value, resource_value
from kubelet.model.pod_spec import Object, all_containers, mapping, namespace, objects, sequence, text
from kubelet.model.service_variables import service_variables

_NAME = re.compile(r"[\x20-\x3c\x3e-\x7e]+")
"""k/k RelaxedEnvironmentVariableValidation: printable ASCII without `=`."""


class ConfigError(ValueError):
    """CreateContainerConfigError; the text is that of the status."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The objects that were fetched; a name that is not here was not found."""

    config_maps: Mapping[str, Object] = field(default_factory=dict)
    secrets: Mapping[str, Object] = field(default_factory=dict)
    services: Iterable[Object] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """What a container is started with."""

    variables: Mapping[str, str]
    command: tuple[str, ...]
    args: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    """Keys of envFrom that are no names, or whose values are no text, for the event
    InvalidEnvironmentVariableNames."""


def build_environment(container: Object, pod: Object, sources: Sources, facts: DownwardFacts) -> Environment:
    """ConfigError when something that is not optional is missing."""
    variables = service_variables(sources.services, pod)
    skipped: list[str] = []
    for source in objects(container.get("envFrom")):
        prefix = text(source.get("prefix"))
        for key, value in _all_of(source, sources).items():
            if value is not None and _NAME.fullmatch(prefix + key):
                variables[prefix + key] = value
            else:
                skipped.append(prefix + key)
    for variable in objects(container.get("env")):
        one = _value(variable, variables, container, pod, sources, facts)
        if one is not None:
            variables[text(variable.get("name"))] = one
    command = tuple(expand(text(one), variables) for one in sequence(container.get("command")))
    args = tuple(expand(text(one), variables) for one in sequence(container.get("args")))
    return Environment(variables, command, args, tuple(sorted(skipped)))


def _value(
    variable: Object, variables: Mapping[str, str], container: Object, pod: Object,
    sources: Sources, facts: DownwardFacts,
) -> str | None:  # fmt: skip
    """None: it is optional, and not there."""
    source = mapping(variable.get("valueFrom"))
    if not source:
        return expand(text(variable.get("value")), variables)
    try:
        if "fieldRef" in source:
            return field_value(text(mapping(source["fieldRef"]).get("fieldPath")), pod, facts)
        if "resourceFieldRef" in source:
            reference = mapping(source["resourceFieldRef"])
            return resource_value(reference, _named(reference, container, pod), facts)
    except FieldError as error:
        raise ConfigError(str(error)) from None
    if "configMapKeyRef" in source:
        return _key(mapping(source["configMapKeyRef"]), pod, sources, is_secret=False)
    if "secretKeyRef" in source:
        return _key(mapping(source["secretKeyRef"]), pod, sources, is_secret=True)
    known = "fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef"
    raise ConfigError(f"env {text(variable.get('name'))}: valueFrom has none of {known}")


def _named(reference: Object, container: Object, pod: Object) -> Object:
    wanted = text(reference.get("containerName"))
    if not wanted:
        return container
    for one in all_containers(pod):
        if one.get("name") == wanted:
            return one
    raise FieldError(f"container {wanted} not found")


def _key(reference: Object, pod: Object, sources: Sources, *, is_secret: bool) -> str | None:
    name, key = text(reference.get("name")), text(reference.get("key"))
    data = _find(name, sources, is_secret=is_secret, is_optional=reference.get("optional") is True)
    if data is None:
        return None
    if key in data:
        value = data[key]
        if value is None:  # the value itself is secret, and must not show
            raise ConfigError(f"key {key} of secret {name} is not text, and cannot be a variable")
        return value
    if reference.get("optional") is True:
        return None
    kind = "Secret" if is_secret else "ConfigMap"
    raise ConfigError(f"couldn't find key {key} in {kind} {namespace(pod)}/{name}")


def _all_of(source: Object, sources: Sources) -> Mapping[str, str | None]:
    for field_name, is_secret in (("configMapRef", False), ("secretRef", True)):
        reference = mapping(source.get(field_name))
        if reference:
            is_optional = reference.get("optional") is True
            name = text(reference.get("name"))
            return _find(name, sources, is_secret=is_secret, is_optional=is_optional) or {}
    return {}


def _find(
    name: str, sources: Sources, *, is_secret: bool, is_optional: bool
) -> Mapping[str, str | None] | None:
    """Values that are not text are None."""
    found = (sources.secrets if is_secret else sources.config_maps).get(name)
    if found is None:
        if is_optional:
            return None
        raise ConfigError(f'{"secret" if is_secret else "configmap"} "{name}" not found')
    data = {key: value for key, value in mapping(found.get("data")).items() if isinstance(value, str)}
    return {key: _decoded(value) for key, value in data.items()} if is_secret else dict(data)


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
