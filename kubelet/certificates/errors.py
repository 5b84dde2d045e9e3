"""What can go wrong on the way to an identity."""

from __future__ import annotations

from kubelet.refusal import Refusal


class IdentityError(Refusal):
    """Any of them; the text is one line and has no secret in it."""


class InvalidArgument(IdentityError):
    """A token, hash, address or name that is none."""


class NotTrusted(IdentityError):
    """Who answers cannot prove to be the cluster that was meant; nothing secret has been sent."""


class Denied(IdentityError):
    """A certificate request was refused, or could not be signed."""


class Unavailable(IdentityError):
    """The same may succeed later."""


class FailedPrecondition(IdentityError):
    """The cluster, or this machine, is not set up for it."""
