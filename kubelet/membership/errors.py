"""Why a machine cannot join or leave."""

from __future__ import annotations

from kubelet.refusal import Refusal


class MembershipError(Refusal):
    """The text is one line."""


class UnreadableMembership(MembershipError):
    """The machine has joined something, and no longer knows what."""
