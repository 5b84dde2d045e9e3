"""Names of images: `index.json` of an OCI image layout (OCI image specification, image-layout.md)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bronzewillow.host.files import locked, replace_file
from runtime.content.disk import as_store_error
from runtime.content.errors import StoreError, UnknownName
from runtime.images.errors import InvalidManifest
from runtime.images.manifest import MOST_DESCRIPTORS, Descriptor, Index, parse_manifest
from runtime.images.media_types import OCI_INDEX

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation that holds a name; OCI image specification, annotations.md."""


class Names:
    """Which manifest each name means."""

    def __init__(self, root: Path) -> None:
        self._path = root / "index.json"
        self._lock = root / "lock"

    def all(self) -> dict[str, Descriptor]:
        """By name. StoreError when the file is no index."""
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None
        try:
            index = parse_manifest(raw, OCI_INDEX)
        except InvalidManifest as error:
            raise StoreError(f"{self._path}: {error}; restore it, or remove it to lose all names") from None
        if not isinstance(index, Index):
            raise StoreError(f"{self._path}: is no index; restore it, or remove it to lose all names")
        return {one.annotations[REF_NAME]: one for one in index.manifests if REF_NAME in one.annotations}

    def get(self, name: str) -> Descriptor:
        """The manifest that `name` stands for. UnknownName."""
        found = self.all().get(name)
        if found is None:
            raise UnknownName(f"image {name} is not here")
        return found

    def set(
        self, name: str, descriptor: Descriptor, check: Callable[[Descriptor], None] | None = None
    ) -> None:
        """From now on `name` means that; unless `check` raises, while nobody can remove a blob."""

        def change(names: dict[str, Descriptor]) -> None:
            if check is not None:
                check(descriptor)
            names[name] = descriptor

        self._change(change)

    def remove(self, name: str) -> None:
        """Forget `name`; blobs stay until they are pruned. UnknownName."""

        def change(names: dict[str, Descriptor]) -> None:
            if names.pop(name, None) is None:
                raise UnknownName(f"image {name} is not here")

        self._change(change)

    def _change(self, change: Callable[[dict[str, Descriptor]], None]) -> None:
        with as_store_error(self._path), locked(self._lock):
            names = self.all()
            change(names)
            if len(names) > MOST_DESCRIPTORS:
                raise StoreError(f"{self._path}: {MOST_DESCRIPTORS:,} names are the most; remove some")
            manifests: list[dict[str, Any]] = [
                one.to_json() | {"annotations": {**one.annotations, REF_NAME: name}}
                for name, one in sorted(names.items())
            ]
            document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
            replace_file(self._path, json.dumps(document, indent=1).encode())
