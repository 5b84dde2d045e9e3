"""Why a node cannot be brought up; one line each."""

from __future__ import annotations


class UpError(Exception):
    """What failed, and what to do."""
