"""What a registry refuses or cannot do; each is one line that names it."""

from __future__ import annotations

from runtime.refusal import Refusal


class RegistryError(Refusal):
    """Any of them."""


class Unreachable(RegistryError):
    """Nobody answers there, or not in time, and trying again did not help."""


class AccessDenied(RegistryError):
    """The registry wants credentials that we do not have, or refuses those that we have."""


class NotThere(RegistryError):
    """The registry has no such thing, or does not say that it has."""


class BadAnswer(RegistryError):
    """The registry does not keep to the specification, or gave other bytes than it was asked for."""


class InvalidConfig(RegistryError):
    """A file of ours about registries that cannot be read."""
