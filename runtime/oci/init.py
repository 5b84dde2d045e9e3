"""A container's process before it is the model's server: it waits to be started, then becomes runm.

`python -m runtime.oci.init FOLDER READY-DESCRIPTOR` is run by `lifecycle.create`, and by nobody else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runtime.oci.bundle import Bundle, load_bundle
from runtime.oci.state import START, ContainerFolder

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "USER", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of the caller's environment, where the bundle does not say otherwise."""


def main() -> None:
    """Never returns."""
    folder, ready = ContainerFolder(Path(sys.argv[1])), int(sys.argv[2])
    bundle = load_bundle(Path(folder.state().bundle))
    folder.hold_alive()
    # for both directions: opening waits for nobody, and whoever starts us finds a reader
    start = os.open(folder.path / START, os.O_RDWR)
    os.write(ready, b"+")
    os.close(ready)
    os.read(start, 1)
    os.close(start)
    (folder.path / START).unlink(missing_ok=True)
    os.chdir(bundle.cwd)
    argv = [sys.executable, "-P", "-m", "runtime.runm", *arguments(bundle)]
    os.execve(argv[0], argv, environment(bundle))


def arguments(bundle: Bundle) -> list[str]:
    """What runm is called with. What the bundle says comes last, and so wins."""
    words = ["serve", "--rootfs", str(bundle.rootfs)]
    if bundle.memory_limit_bytes:
        words += ["--memory-limit", str(bundle.memory_limit_bytes)]
    return [*words, *bundle.args]


def environment(bundle: Bundle) -> dict[str, str]:
    """What runm finds around it."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | dict(bundle.env)


if __name__ == "__main__":
    main()
