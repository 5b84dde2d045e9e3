"""A container's process: it imports what a model's server needs, is given a container, waits to be started,
and serves.

`python -m runtime.runm.container DESCRIPTOR ROOT` is run by `runtime.oci.spare`, and by nobody else.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from setproctitle import setproctitle

from runtime.oci.bundle import Bundle, load_bundle
from runtime.oci.state import START, ContainerFolder

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "USER", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of the caller's environment, where the bundle does not say otherwise."""
_LONGEST_PATH = 4096


def main() -> None:
    """Be a container's process, once told which; never returns."""
    _import_server()
    from runtime.runm import cli

    with socket.socket(fileno=int(sys.argv[1])) as channel:
        path, descriptors, _, _ = socket.recv_fds(channel, _LONGEST_PATH, 2)
        if not path:
            sys.exit(0)  # whoever made us has gone
        for number, descriptor in enumerate(descriptors, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        bundle = _wait_for_start(ContainerFolder(Path(os.fsdecode(path))), channel)
    os.chdir(bundle.cwd)
    found = environment(bundle)
    os.environ.clear()
    os.environ.update(found)
    sys.argv = ["runm", *arguments(bundle)]
    cli.main()


def _import_server() -> None:
    """What `serve` would import later."""
    # aiohttp loads the certificates of the whole world, for a tenth of a second; nobody here speaks TLS
    os.environ["SSL_CERT_FILE"] = os.devnull
    import runtime.runm.serve_verb  # noqa: F401


def _wait_for_start(folder: ContainerFolder, channel: socket.socket) -> Bundle:
    setproctitle(f"runm {folder.path}")
    bundle = load_bundle(Path(folder.state().bundle))
    folder.hold_alive()
    # for both directions: opening waits for nobody, and whoever starts us finds a reader
    start = os.open(folder.path / START, os.O_RDWR)
    channel.send(b"+")
    os.read(start, 1)
    os.close(start)
    (folder.path / START).unlink(missing_ok=True)
    return bundle


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
