"""What cannot be built or brought in; one line."""

from __future__ import annotations

from runtime.refusal import Refusal


class BuildError(Refusal):
    """A Modelfile names something that is not there, or no model."""


class ArchiveError(Refusal):
    """A file that is no archive of images, or cannot be written."""


class ImageInUse(Refusal):
    """Containers stand on what should be removed, or it is being served."""
