"""Images in CRI's words: by name, by digest, by id; all names of one image go together."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.api import cri_pb2 as api
from runtime.content.errors import UnknownName
from runtime.cri.errors import InvalidArgument, NotFound
from runtime.images.errors import ImageError, InvalidReference
from runtime.images.manifest import Descriptor, Manifest
from runtime.images.model_image import read_model_image
from runtime.images.reference import Reference, parse_reference
from runtime.imagestore import ImageStore, StoredImage
from runtime.registry.client import ClientConfig, registry_client
from runtime.registry.credentials import Credentials
from runtime.registry.patience import warn
from runtime.registry.pull import pull

_DIGEST = "sha256:"
_TELL_EVERY_S = 10.0
_ABSENT_S = 2.0
"""With the last pause less than 5 s. A kubelet asks again by itself, and until then other pulls wait."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NamedImage:
    """One image and all of its names."""

    stored: tuple[StoredImage, ...]

    @property
    def digest(self) -> str:
        """Of its manifest: what CRI takes for its id."""
        return self.stored[0].descriptor.digest

    def to_api(self) -> api.Image:
        """The image as CRI lists it."""
        references = [one.reference for one in self.stored]
        tags = [one for one in references if one.tag is not None]
        return api.Image(
            id=self.digest,
            repo_tags=sorted({replace(one, digest=None).familiar_with_tag for one in tags}),
            repo_digests=sorted({f"{_name(one)}@{self.digest}" for one in references}),
            size=self.stored[0].size_bytes,
            spec=api.ImageSpec(image=self.digest),
        )


class Images:
    """Those of one store."""

    def __init__(self, store: ImageStore, config: ClientConfig) -> None:
        self.store, self._config = store, config
        self._transfers: dict[str, _Transfer] = {}

    def all(self) -> list[NamedImage]:
        """All images, sorted by id."""
        found: defaultdict[str, list[StoredImage]] = defaultdict(list)
        for stored in self.store.images():
            found[stored.descriptor.digest].append(stored)
        return [NamedImage(tuple(found[digest])) for digest in sorted(found)]

    def find(self, text: str) -> NamedImage | None:
        """By id, name or digest. InvalidArgument."""
        if not text:
            raise InvalidArgument("the image's name is missing")
        bare = text.removeprefix(_DIGEST)
        for image in self.all():
            if image.digest in (text, _DIGEST + bare):
                return image
        try:
            digest = self.store.get(text).descriptor.digest
        except UnknownName:
            return None
        except InvalidReference as error:
            if text.startswith(_DIGEST):
                return None
            raise InvalidArgument(str(error)) from None
        return next((image for image in self.all() if image.digest == digest), None)

    def get(self, text: str) -> NamedImage:
        """The image that a name, a digest or an id stands for. NotFound, InvalidArgument."""
        found = self.find(text)
        if found is None:
            raise NotFound(f"image {text[:300]} is not here; pull it first")
        return found

    async def pull(self, text: str, auth: api.AuthConfig) -> str:
        """The id of what the registry has. Refusals of all kinds."""
        try:
            reference = parse_reference(text)
        except ImageError as error:
            raise InvalidArgument(str(error)) from None
        if not reference.registry:
            found = self.find(text)  # it was made on this node, and no registry has it
            if found is not None:
                return found.digest
        config = replace(self._config, absent_s=_ABSENT_S, lost_s=_ABSENT_S, tell=warn)
        who = _credentials(auth)
        if who is not None:
            config = replace(config, credentials={**config.credentials, reference.registry: who})
        begun = time.monotonic()
        transfer = self._transfers[text] = _Transfer(reference)
        try:
            async with registry_client(config) as client:
                descriptor = await pull(client, self.store.content, reference, transfer, _check)
        finally:
            if self._transfers.get(text) is transfer:
                del self._transfers[text]
        _log.info("pulled %s in %.1f s: %s", reference.familiar, time.monotonic() - begun, descriptor.digest)
        return descriptor.digest

    def progress(self, text: str) -> dict[str, int] | None:
        """Of a pull by that name that is under way; the whole grows until its blobs are known."""
        transfer = self._transfers.get(text)
        return None if transfer is None else {"doneBytes": transfer.done, "totalBytes": transfer.total}

    def remove(self, text: str) -> None:
        """By any of its names, with all of them; one that is not here is no error."""
        found = self.find(text)
        for stored in found.stored if found is not None else ():
            try:
                self.store.remove(stored)
            except UnknownName:
                continue  # somebody else was quicker

    def usage(self) -> tuple[Path, int, int]:
        """Where images are, the bytes they take there, and the files."""
        root = self.store.content.root
        sizes = [path.stat().st_size for path in (root / "blobs").rglob("*") if path.is_file()]
        return root, sum(sizes), len(sizes)


class _Transfer:
    """A pull's progress, and a line now and then."""

    def __init__(self, reference: Reference) -> None:
        self._name = reference.familiar
        self.total = self.done = 0
        self._told_s = time.monotonic()

    def begin(self, blob: Descriptor, done: int) -> None:
        """A blob of which `done` bytes are here."""
        self.total += blob.size
        self.done += done

    def advance(self, blob: Descriptor, count: int) -> None:
        """So many more bytes of it are here."""
        self.done += count
        if time.monotonic() - self._told_s >= _TELL_EVERY_S:
            self._told_s = time.monotonic()
            _log.info("pulling %s: %d of %d MB", self._name, self.done // 10**6, self.total // 10**6)

    def end(self, blob: Descriptor, how: str) -> None:
        """Nobody asks how a single blob ended."""


def _credentials(auth: api.AuthConfig) -> Credentials | None:
    if auth.registry_token or auth.identity_token or auth.username:
        return Credentials(auth.username, auth.password, auth.identity_token, auth.registry_token)
    if not auth.auth:
        return None
    try:
        username, _, password = base64.b64decode(auth.auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidArgument("auth: is not the base64 text of USER:PASSWORD") from None
    return Credentials(username, password.rstrip("\0"))


def _check(manifest: Manifest, config: bytes) -> None:
    read_model_image(manifest, config)


def _name(reference: Reference) -> str:
    return replace(reference, tag="latest", digest=None).familiar
