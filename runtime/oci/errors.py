"""What the runtime refuses; each is one line."""

from __future__ import annotations

from runtime.refusal import Refusal


class RuntimeRefusal(Refusal):
    """Any of them."""


class BundleError(RuntimeRefusal):
    """A bundle that cannot be run; the text names the file and the field."""


class NoSuchContainer(RuntimeRefusal):
    """No container has that id."""


class ContainerExists(RuntimeRefusal):
    """The id is taken."""


class WrongStatus(RuntimeRefusal):
    """The container's status does not allow it."""
