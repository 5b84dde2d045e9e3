"""What a transfer tells as it goes on; who shows it is not known here."""

from __future__ import annotations

from typing import Protocol

from runtime.images.manifest import Descriptor


class Progress(Protocol):
    """Called from the event loop, often; quick and without errors."""

    def begin(self, blob: Descriptor, done: int) -> None:
        """A transfer begins; `done` bytes of it were there already."""

    def advance(self, blob: Descriptor, count: int) -> None:
        """That many bytes more; fewer than none when they have to come again."""

    def end(self, blob: Descriptor, how: str) -> None:
        """It is over: `pulled`, `pushed`, `mounted`, or `exists`."""


class Silent:
    """For those who do not look."""

    def begin(self, blob: Descriptor, done: int) -> None:
        """Not shown."""

    def advance(self, blob: Descriptor, count: int) -> None:
        """Not shown."""

    def end(self, blob: Descriptor, how: str) -> None:
        """Not shown."""
