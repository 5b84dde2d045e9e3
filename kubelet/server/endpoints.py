"""What a request needs a right to. Pure.

Source: kubernetes/kubernetes, pkg/kubelet/server/auth.go. A WebSocket exec is a GET, so `get nodes/proxy`
gives whatever exec may do: treat it as the node itself.
"""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_SUBRESOURCES = {
    "stats": ("stats",),
    "metrics": ("metrics",),
    "logs": ("log",),
    "checkpoint": ("checkpoint",),
    # fine-grained rights come first, and the old one still counts: the first that is granted suffices
    "pods": ("pods", "proxy"),
    "runningpods": ("pods", "proxy"),
    "healthz": ("healthz", "proxy"),
    "configz": ("configz", "proxy"),
    "statusz": ("statusz", "proxy"),
}


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that a user may have a right to."""

    verb: str
    subresource: str
    """Of `nodes`."""
    node: str
    """The node's name."""

    def attributes(self) -> dict[str, str]:
        """As a SubjectAccessReview has it."""
        return {
            "verb": self.verb,
            "group": "",
            "version": "v1",
            "resource": "nodes",
            "subresource": self.subresource,
            "name": self.node,
        }


def rights(method: str, path: str, node: str) -> tuple[Right, ...]:
    """The rights of which one is needed. A path that we do not know asks for the widest."""
    first = path.strip("/").partition("/")[0]
    verb = _VERBS.get(method, "")
    return tuple(Right(verb, name, node) for name in _SUBRESOURCES.get(first, ("proxy",)))
