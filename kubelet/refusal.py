"""What llm-kubelet says no to, in one line that its user can act on."""

from __future__ import annotations


class Refusal(Exception):
    """The base of all errors that end a command with exit code 1 and their text."""
