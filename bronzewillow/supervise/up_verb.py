"""`bronzewillow up`."""

from __future__ import annotations

from typing import Any

import click

from bronzewillow.supervise.node_words import NodeWords, bring_up, node_options


@click.command(short_help="Be a node until Ctrl-C: of the cluster that was joined, or alone.")
@node_options
def up(**words: Any) -> None:
    """Bring a node up: the network, the container runtime, and pods from a folder. Ctrl-C ends it.

    Where this machine has joined a cluster, it is that cluster's node, and pods outlive it. Else they end
    with it.
    """
    bring_up(NodeWords(**words))
