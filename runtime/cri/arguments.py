"""A container's command and environment, which may say how its model is served, and nothing about the host.

Paths are those of its mounts: where a container would see a volume, its process is given the folder itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from runtime.api import cri_pb2 as api
from runtime.cri.errors import InvalidArgument

PROGRAM, VERB = "runm", "serve"
OPTIONS = frozenset({
    "--engine", "--name", "--alias", "--context", "--parallel", "--queue", "--threads", "--gpu-layers",
    "--cache-ram-mib", "--memory-limit", "--embeddings", "--no-embeddings", "--cors-origin", "--allow-host",
    "--body-limit-mib", "--linger-s", "--drain-s", "--verbose",
})  # fmt: skip
"""That every container may give."""
PATH_OPTIONS = frozenset({"--chat-template-file", "--adapter", "--projector", "--api-key-file"})
"""Whose file must be in one of its mounts."""
HOST_OPTIONS = frozenset({
    "--listen", "--model", "--rootfs", "--store", "--insecure", "--hosts", "--llama-server", "--help",
})  # fmt: skip
"""That are the node's business."""
_CURES = {"--listen": "; for another port than 8080 declare it, such as ports: [{containerPort: 8081}]"}
"""How what is wished of them is said."""
_FLAGS = frozenset({"--embeddings", "--no-embeddings", "--verbose"})
_PREFIX = "RUNM_"
_PATH_NAMES = {"RUNM_CHAT_TEMPLATE", "RUNM_ADAPTERS", "RUNM_PROJECTOR", "RUNM_KEYS"}
_FREE_NAMES = {
    "RUNM_ENGINE", "RUNM_NAME", "RUNM_ALIAS", "RUNM_CONTEXT", "RUNM_PARALLEL", "RUNM_QUEUE", "RUNM_THREADS",
    "RUNM_GPU_LAYERS", "RUNM_CACHE_RAM_MIB", "RUNM_MEMORY_LIMIT_BYTES", "RUNM_EMBEDDINGS", "RUNM_ORIGINS",
    "RUNM_ALLOW_HOST", "RUNM_BODY_LIMIT_MIB", "RUNM_LINGER_S", "RUNM_DRAIN_S",
    "RUNM_VERBOSE",
}  # fmt: skip
_REFUSED_NAMES = ("DYLD_", "LD_", "PYTHON")
"""Beginnings of what would have the process run code of the pod's choice."""


class Mounts:
    """Where the container's paths are on this machine."""

    def __init__(self, mounts: Sequence[api.Mount]) -> None:
        pairs = ((PurePosixPath(posixpath.normpath(one.container_path)), one.host_path) for one in mounts)
        self._pairs = sorted(pairs, key=lambda pair: len(pair[0].parts), reverse=True)

    def host_path(self, text: str, what: str) -> str:
        """InvalidArgument when it is in none of them."""
        path = PurePosixPath(posixpath.normpath(text))
        for container_path, host_path in self._pairs:
            if path.is_absolute() and path.is_relative_to(container_path):
                return str(PurePosixPath(host_path) / path.relative_to(container_path))
        raise InvalidArgument(f"{what} {text}: is in none of the container's mounts")


def serve_arguments(command: Sequence[str], args: Sequence[str], mounts: Mounts) -> list[str]:
    """Options for `runm serve`. InvalidArgument."""
    words = [*command, *args]
    if words and PurePosixPath(words[0]).name == PROGRAM:
        words = words[1:]
        if words[:1] != [VERB]:
            raise InvalidArgument(
                f"command: a container runs `{PROGRAM} {VERB}` and its options, nothing else"
            )
    elif command:
        raise InvalidArgument(
            f"command {command[0]!r}: this node runs models alone; leave it out, or say `{PROGRAM} {VERB}`"
        )
    return list(_options(words[1:] if words[:1] == [VERB] else words, mounts))


def _options(words: Sequence[str], mounts: Mounts) -> Iterator[str]:
    queue = list(words)
    while queue:
        name, equals, value = queue.pop(0).partition("=")
        if name in HOST_OPTIONS:
            cure = _CURES.get(name, "")
            raise InvalidArgument(f"args: {name} is the node's business, not the container's{cure}")
        if name not in OPTIONS | PATH_OPTIONS:
            raise InvalidArgument(
                f"args: {name!r}: is no option of `{PROGRAM} {VERB}` that a container may give"
            )
        yield name
        if name in _FLAGS:
            if equals:
                raise InvalidArgument(f"args: {name} takes no value")
            continue
        if not equals:
            if not queue:
                raise InvalidArgument(f"args: {name}: its value is missing")
            value = queue.pop(0)
        yield mounts.host_path(value, f"args: {name}") if name in PATH_OPTIONS else value


def environment(pairs: Sequence[api.KeyValue], mounts: Mounts) -> Mapping[str, str]:
    """The environment of a container's process. InvalidArgument for what it may not have."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, value = pair.key, pair.value.decode(errors="surrogateescape")
        if not name or "=" in name or "\0" in name + value:
            raise InvalidArgument(f"env {name!r}: is no name of a variable")
        if name.startswith(_REFUSED_NAMES):
            raise InvalidArgument(f"env {name}: would change what program runs on this node")
        if name in _PATH_NAMES:
            value = mounts.host_path(value, f"env {name}:")
        elif name.startswith(_PREFIX) and name not in _FREE_NAMES:
            raise InvalidArgument(f"env {name}: is the node's business, not the container's")
        found[name] = value
    return found
