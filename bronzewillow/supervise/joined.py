"""Whether this machine has joined a cluster, and as which node: what `bronzewillow join` has left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bronzewillow.host.command import CommandError
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import identity_folder


@dataclass(frozen=True, slots=True)
class Joined:
    """A node of a cluster."""

    name: str
    server: str
    """The API server's URL."""
    kubeconfig: Path
    """The network agent's; missing where the cluster was not set up for it."""


def joined(root: Path | None = None) -> Joined | None:
    """None: this machine is a node of no cluster. CommandError where that cannot be told.

    `root`: of a node that lives in a folder of its own (`live_in`).
    """
    home = identity_folder() if root is None else root / "state" / "bronzewillow" / "kubelet"
    path = home / "node.json"
    try:
        found = parse_json(path.read_bytes())
        return Joined(str(found["node_name"]), str(found["server"]), home / "network-kubeconfig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{path}: cannot be read ({error}); bronzewillow join writes it anew, "
            "bronzewillow leave --force forgets the cluster"
        ) from None
