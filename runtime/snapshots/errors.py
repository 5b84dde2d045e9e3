"""What a snapshotter refuses, in containerd's classes (errdefs); each is one line."""

from __future__ import annotations

from runtime.refusal import Refusal


class SnapshotError(Refusal):
    """Any of them."""


class AlreadyExists(SnapshotError):
    """A snapshot of that name or key is there."""


class NotFound(SnapshotError):
    """No snapshot has that name or key."""


class FailedPrecondition(SnapshotError):
    """The snapshot's kind or its children do not allow it."""


class InvalidArgument(SnapshotError):
    """A key, a filter or a field that means nothing."""


class Unavailable(SnapshotError):
    """The disk does not do what it should; the text has the system's reason."""
