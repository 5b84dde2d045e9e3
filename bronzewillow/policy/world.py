"""What policies speak of: the cluster's pods and namespaces, and the policies themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PolicyPod:
    """A pod as policies see it. Pods on their node's network are none: they speak from the node's address."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    addresses: tuple[bytes, ...]
    """Of 4 or 16 bytes; empty while it has none."""
    ports: tuple[tuple[str, str, int], ...] = ()
    """Its named container ports: name, protocol, number."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class World:
    """The objects that policies are made of."""

    pods: tuple[PolicyPod, ...]
    """All pods of the cluster that have, or will have, a pod address."""
    namespaces: Mapping[str, Mapping[str, str]]
    """Labels by name. A namespace that is not here has no labels."""
    policies: tuple[Mapping[str, Any], ...]
    """NetworkPolicy objects, as the API server gave them."""
