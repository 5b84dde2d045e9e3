"""Named pipes, by which another process of ours is told where to write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bronzewillow.host.paths import make_private
from runtime.exec.descriptors import Descriptor


@contextmanager
def named_pipes(parent: Path, *names: str) -> Iterator[dict[str, tuple[Path, Descriptor]]]:
    """Path and reading end of each, in a folder that is ours alone and goes with them. OSError.

    Whoever writes must have opened the path before the end is read: until then it reads as ended.
    """
    found: dict[str, tuple[Path, Descriptor]] = {}
    make_private(parent)
    with TemporaryDirectory(prefix="pipes-", dir=parent) as folder:
        try:
            for name in names:
                path = Path(folder) / name
                os.mkfifo(path, 0o600)
                found[name] = path, Descriptor(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            yield found
        finally:
            for _, descriptor in found.values():
                descriptor.close()
