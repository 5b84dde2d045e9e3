"""Node and RBAC, one after the other; the first that allows wins."""

from __future__ import annotations

from bronzewillow.testing.apiserver import node_authorizer, rbac
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.refusals import Refused, forbidden
from bronzewillow.testing.apiserver.store import Store

_ANYBODY = ("/version", "/healthz", "/livez", "/readyz")
_DISCOVERY = ("/api", "/apis", "/openapi")
_SELF = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}


class Authorizer:
    """Whether a call may go on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, call: Call) -> None:
        """Refused with 403."""
        denial = self.denial(call)
        if denial is not None:
            raise _refusal(call, denial)

    def denial(self, call: Call) -> str | None:
        """None if it may; else why not, "" for no particular reason."""
        user = call.user
        if rbac.allows(self._store, call):
            return None
        if call.kind is None:
            known = "system:authenticated" in user.groups and call.path.startswith(_DISCOVERY)
            return None if call.verb == "get" and (call.path in _ANYBODY or known) else ""
        if call.resource.plural in _SELF and "system:authenticated" in user.groups:
            return None
        return node_authorizer.denial(self._store, call) if user.node is not None else ""


def _refusal(call: Call, reason: str) -> Refused:
    why = f": {reason}" if reason else ""
    if call.kind is None:
        message = f'forbidden: User "{call.user.name}" cannot {call.verb} path "{call.path}"{why}'
        return Refused(403, "Forbidden", message)
    place = f'in the namespace "{call.namespace}"' if call.namespace else "at the cluster scope"
    group = call.resource.group
    message = (
        f'User "{call.user.name}" cannot {call.verb} resource "{call.full_resource}" in API group "{group}" '
        f"{place}{why}"
    )
    return forbidden(call.resource, call.name, message)
