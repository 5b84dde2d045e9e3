"""Whether the runtime and the pod network are ready, for the Node's condition Ready.

Source of the words: kubernetes/kubernetes, pkg/kubelet/runtime.go and nodestatus/setters.go.
"""

from __future__ import annotations

from kubelet.model.times import SECOND, go_duration
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.lifecycle import Lifecycle

ASK_S = 10.0
"""Between questions: each may cost the runtime a process of a network plugin."""
_UNHEALTHY_AFTER = 180 * SECOND
_UNHEALTHY_WITH_EVENTS_AFTER = 600 * SECOND


class Readiness:
    """Of one runtime."""

    def __init__(self, runtime: RuntimeClient, lifecycle: Lifecycle) -> None:
        self._runtime, self._lifecycle = runtime, lifecycle
        self.runtime_error = "container runtime status check may not have completed yet"
        self.network_error = ""
        """Both empty while all is well; of the network nothing is said before the runtime has."""
        self.version = ""
        """Of the runtime, as a Node has it: `runm://0.1.0`."""

    async def ask(self) -> None:
        """Once."""
        try:
            if not self.version:
                told = await self._runtime.version()
                self.version = f"{told.runtime_name}://{told.runtime_version}"
            conditions = {one.type: one for one in (await self._runtime.status()).status.conditions}
        except RuntimeRefusal as refused:
            self.runtime_error = f"container runtime is down: {refused}"
            self.version = "" if refused.is_down else self.version  # another one may come up
            return
        errors = {}
        for kind in ("RuntimeReady", "NetworkReady"):
            one = conditions.get(kind)
            if one is None:
                errors[kind] = f"{kind} is not told of"
            elif not one.status:
                errors[kind] = f"{kind}=false reason:{one.reason} message:{one.message}"
        runtime, network = errors.get("RuntimeReady"), errors.get("NetworkReady")
        self.runtime_error = f"container runtime not ready: {runtime}" if runtime else ""
        self.network_error = f"container runtime network not ready: {network}" if network else ""

    def errors(self, now: int) -> list[str]:
        """All that keeps the node from being Ready."""
        found = [self.runtime_error, self.network_error, self._lifecycle_error(now)]
        return [one for one in found if one]

    def _lifecycle_error(self, now: int) -> str:
        listed_at = self._lifecycle.listed_at
        if listed_at is None:
            return "PLEG is not healthy: pleg has yet to be successful"
        limit = _UNHEALTHY_WITH_EVENTS_AFTER if self._lifecycle.hears else _UNHEALTHY_AFTER
        if now - listed_at <= limit:
            return ""
        ago = go_duration((now - listed_at) // SECOND * SECOND)
        return f"PLEG is not healthy: pleg was last seen active {ago} ago; threshold is {go_duration(limit)}"
