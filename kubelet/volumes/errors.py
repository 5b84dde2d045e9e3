"""Why a volume cannot be."""

from __future__ import annotations


class VolumeError(Exception):
    """One line, in the words of a kubelet's event FailedMount."""
