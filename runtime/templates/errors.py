"""Whose fault it is that no prompt comes out."""

from __future__ import annotations


class TemplateError(ValueError):
    """The template is wrong, or asks for too much; one line with its place."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(f"template:{line}: {reason}")
        self.reason = reason
        self.line = line
        """From 1, of the template's text."""


class InvalidConversation(ValueError):
    """The client's messages or tools have no place in a template; one line that says which."""


class Refused(Exception):
    """A value or a function does not do what is asked; the interpreter adds the place."""
