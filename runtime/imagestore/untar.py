"""One file out of a layer that is a tar archive, in one pass: the one case in which bytes are copied."""

from __future__ import annotations

import fnmatch
import shutil
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from runtime.content.disk import check_room
from runtime.content.errors import StoreError
from runtime.imagestore.tar import open_tar

_BLOCK = 1 << 20


def extract(archive: BinaryIO, member: str, target: Path) -> None:
    """Write the file `member` to `target`: named whole, by its last part, or by a pattern such as `*.gguf`.

    The first that fits is taken. StoreError, OSError.
    """
    with open_tar(archive, lambda why: StoreError(f"the layer with {member!r} {why}")) as files:
        for one, file in files:
            if not _fits(one.name, member):
                continue
            check_room(target.parent, one.size, f"the file {one.name[:200]!r} of a layer")
            with target.open("xb") as out:
                shutil.copyfileobj(file, out, _BLOCK)
            if target.stat().st_size != one.size:
                raise StoreError(
                    f"the layer ends within {one.name[:200]!r}: it was cut off before it became one"
                )
            target.chmod(0o444)
            return
    raise StoreError(f"the layer has no file {member!r}")


def _fits(name: str, member: str) -> bool:
    path = PurePosixPath(name.removeprefix("./"))
    return str(path) == member or path.name == member or fnmatch.fnmatchcase(path.name, member)
