"""What is refused in an image; the text of each is one line: the thing, its place, the cure."""

from __future__ import annotations

from runtime.refusal import Refusal


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
    """A Modelfile with mistakes; the text has all of them."""

    def __init__(self, problems: str | tuple[str, ...]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else problems
        """Each mistake as `Modelfile:12: what is wrong`, in the order of lines."""
        super().__init__("; ".join(self.problems))
