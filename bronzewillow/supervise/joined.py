"""Whether this machine has joined a cluster, and as which node: what `bronzewillow join` has left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.host.paths import state_folder


@dataclass(frozen=True, slots=True)
class Joined:
    """A node of a cluster."""

    name: str
    kubeconfig: Path
    """The network agent's."""


def joined() -> Joined | None:
    """None: this machine is a node of no cluster."""
    home = state_folder() / "kubelet"
    try:
        name = json.loads((home / "node.json").read_bytes())["node_name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Joined(str(name), home / "network-kubeconfig")
