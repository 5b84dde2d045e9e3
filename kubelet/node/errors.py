"""Why a node cannot be."""

from __future__ import annotations

from kubelet.refusal import Refusal


class NodeError(Refusal):
    """Any of them; the text is one line."""


class AlreadyExists(NodeError):
    """The name is another's."""


class FailedPrecondition(NodeError):
    """The cluster, or this machine, is not set up for it."""


class Unavailable(NodeError):
    """The same may succeed later."""
