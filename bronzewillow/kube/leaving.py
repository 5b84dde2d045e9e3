"""The mark of a Node whose machine leaves the cluster for good; pure.

Whoever publishes something for such a node withdraws it instead; whoever runs it again takes the mark away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAVING = "bronzewillow.io/leaving"
"""An annotation of the Node."""


def is_leaving(node: Mapping[str, Any]) -> bool:
    """Whether it has the mark."""
    annotations = (node.get("metadata") or {}).get("annotations") or {}
    return annotations.get(LEAVING) == "true"
