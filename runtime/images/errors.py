"""What is refused in an image; the text of each is one line: the thing, its place, the cure."""

from __future__ import annotations

from runtime.refusal import Refusal

_MOST_TOLD = 10
"""Of one file's mistakes: with more of them it is hardly a Modelfile."""


class ImageError(Refusal, ValueError):
    """Any of them."""


class InvalidReference(ImageError):
    """A name that is no image name."""


class InvalidDigest(ImageError):
    """A text that is no digest."""


class InvalidManifest(ImageError):
    """Bytes that are no manifest and no index."""


class UnservableImage(ImageError):
    """An image in order that no engine here can serve."""


class InvalidParameters(ImageError):
    """Parameters of which a key has a value of the wrong type."""


class InvalidModelfile(ImageError):
    """A Modelfile with mistakes; the text has the first of them."""

    def __init__(self, problems: str | tuple[str, ...]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else problems
        """Each mistake as `Modelfile:12: what is wrong`, in the order of lines."""
        more = len(self.problems) - _MOST_TOLD
        told = (*self.problems[:_MOST_TOLD], f"and {more:,} more") if more > 0 else self.problems
        super().__init__("; ".join(told))
