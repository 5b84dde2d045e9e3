"""One file out of a layer that is a tar archive, in one pass: the one case in which bytes are copied."""

from __future__ import annotations

import fnmatch
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from runtime.content.errors import StoreError

_BLOCK = 1 << 20


def extract(archive: BinaryIO, member: str, target: Path) -> None:
    """Write the file `member` to `target`: named whole, by its last part, or by a pattern such as `*.gguf`.

    The first that fits is taken. StoreError, OSError.
    """
    try:
        with tarfile.open(fileobj=archive, mode="r|*") as tar:
            for one in tar:
                file = tar.extractfile(one) if one.isfile() and _fits(one.name, member) else None
                if file is not None:
                    with target.open("xb") as out:
                        shutil.copyfileobj(file, out, _BLOCK)
                    if target.stat().st_size != one.size:
                        raise StoreError(f"the layer ends within {one.name[:200]!r}; pull the image again")
                    target.chmod(0o444)
                    return
    except (tarfile.TarError, EOFError) as error:
        raise StoreError(f"the layer with {member!r} is no tar archive: {error}") from None
    raise StoreError(f"the layer has no file {member!r}")


def _fits(name: str, member: str) -> bool:
    path = PurePosixPath(name.removeprefix("./"))
    return str(path) == member or path.name == member or fnmatch.fnmatchcase(path.name, member)
