"""What the content store refuses or cannot do; each is one line."""

from __future__ import annotations

from runtime.refusal import Refusal


class StoreError(Refusal):
    """Any of them; itself: the disk does not do what it should."""


class DiskFull(StoreError):
    """No room is left, or none that we may take."""


class UnknownBlob(StoreError):
    """No blob has that digest."""


class UnknownName(StoreError):
    """No image has that name."""


class CorruptBlob(StoreError):
    """The bytes are not those of the digest; they were put aside and will not be served."""


class DigestMismatch(StoreError):
    """What was to be stored is not what it was said to be."""


class IngestBusy(StoreError):
    """Another writer has the blob in hand; look again soon."""
