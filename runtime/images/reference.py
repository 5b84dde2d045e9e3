"""Names of images: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, in the grammar that registries and Docker share.

Source: distribution's reference grammar, and the OCI distribution specification, Pulling manifests. The first
part of several is a registry when it has a dot, a colon or an upper-case letter, or is `localhost`; without
one the image is local, and no public registry is asked in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime.images.digest import parse_digest
from runtime.images.errors import InvalidDigest, InvalidReference

_LONGEST_NAME = 255
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DEFAULT_TAG = "latest"
_LIBRARY = "library/"
_LOCALHOST = "localhost"
DOCKER_HUB = "docker.io"
"""The one registry that answers elsewhere than its name says, and has repositories of one part."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image, in its parts."""

    registry: str
    """`host[:port]`; empty for a local image."""
    repository: str
    """For a local image at least two parts: `library/tiny` when one was written."""
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def familiar_with_tag(self) -> str:
        """The same with its tag, for lists."""
        is_latest = self.tag == _DEFAULT_TAG and self.digest is None
        return f"{self.familiar}:{_DEFAULT_TAG}" if is_latest else self.familiar

    @property
    def familiar(self) -> str:
        """The shortest text that means the same."""
        short = self.repository.removeprefix(_LIBRARY)
        repository = self.repository if self.registry or "/" in short else short
        tag = None if self.tag == _DEFAULT_TAG and self.digest is None else self.tag
        name = f"{self.registry}/{repository}" if self.registry else repository
        return _with_suffix(name, tag, self.digest)

    @property
    def cure(self) -> str:
        """What helps where a part of it is not here any more."""
        if self.registry:
            return "pull the image again, or make it anew if it was never pushed"
        return "make the image anew: no registry has it"

    def __str__(self) -> str:
        return _with_suffix(self.name, self.tag, self.digest)


def parse_reference(text: str) -> Reference:
    """The image that `text` names, `latest` when there is neither tag nor digest. InvalidReference."""
    rest, at, digest = text.partition("@")
    name, tag = _split_tag(rest)
    registry, repository = _split_registry(name)
    if registry and not _REGISTRY.fullmatch(registry):
        raise _refusal(text, f"{registry!r} is no registry, such as registry.example:5000")
    for part in repository.split("/"):
        if not _PART.fullmatch(part):
            raise _refusal(text, _why_not(part))
    if registry in ("", DOCKER_HUB) and "/" not in repository:
        repository = _LIBRARY + repository
    if len(registry) + 1 + len(repository) > _LONGEST_NAME:
        raise _refusal(text, f"the name has more than {_LONGEST_NAME} characters")
    if tag is not None and not _TAG.fullmatch(tag):
        raise _refusal(text, f"{tag[:140]!r} is no tag: 1 to 128 letters, digits and _ . -")
    if not at:
        return Reference(registry, repository, tag or _DEFAULT_TAG)
    try:
        return Reference(registry, repository, tag, parse_digest(digest))
    except InvalidDigest as error:
        raise _refusal(text, str(error)) from None


def _split_tag(text: str) -> tuple[str, str | None]:
    head, colon, tail = text.rpartition(":")
    if colon and "/" not in tail:
        return head, tail
    return text, None


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    return (first, rest) if slash and _is_registry(first) else ("", name)


def _is_registry(first: str) -> bool:
    return first == _LOCALHOST or any(mark in first for mark in ".:[") or first != first.lower()


def _why_not(part: str) -> str:
    if not part:
        return "a part of its name is empty"
    if part != part.lower():
        return f"{part[:100]!r} has upper-case letters; repositories have none"
    return (
        f"{part[:100]!r} is no part of a name: lower-case letters and digits, with single . _ - between them"
    )


def _refusal(text: str, why: str) -> InvalidReference:
    return InvalidReference(f"image {text[:300]!r}: {why}")


def _with_suffix(name: str, tag: str | None, digest: str | None) -> str:
    if tag is not None:
        name = f"{name}:{tag}"
    return f"{name}@{digest}" if digest is not None else name
