"""Why a demo could not be shown; one line, for the terminal."""

from __future__ import annotations


class DemoError(Exception):
    """What failed, and what to do."""
