"""What cannot be built or brought in; one line."""

from __future__ import annotations


class BuildError(Exception):
    """A Modelfile names something that is not there, or no model."""


class ArchiveError(Exception):
    """A file that is no archive of images, or cannot be written."""
