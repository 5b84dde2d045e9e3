"""Whether a user may: SubjectAccessReviews, remembered for five minutes, or half a minute where it was a no.

Source: kubernetes/kubernetes, pkg/kubelet/apis/config defaults of webhook authorization.
"""

from __future__ import annotations

from kubelet.server.authentication import User
from kubelet.server.endpoints import Right
from kubelet.server.expiring import Expiring
from kubelet.server.surroundings import Reviews

_YES_HOLDS_S = 300.0
_NO_HOLDS_S = 30.0


class Authorizer:
    """Asks the API server about rights."""

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews
        self._known: Expiring[tuple[User, Right], bool] = Expiring()

    async def may(self, user: User, rights: tuple[Right, ...], now_s: float) -> bool:
        """Whether one of `rights` is granted. KubeError when it cannot be told, which is a no."""
        for right in rights:
            known = self._known.get((user, right), now_s)
            if known is None:
                spec = {**user.spec(), "resourceAttributes": right.attributes()}
                known = (await self._reviews.access(spec)).get("allowed") is True
                self._known.put((user, right), known, _YES_HOLDS_S if known else _NO_HOLDS_S, now_s)
            if known:
                return True
        return False
