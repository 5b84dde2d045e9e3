"""The network agent's own identity: a ServiceAccount whose token is renewed into a file that the agent reads.

A node may ask for tokens of its pods' accounts only (NodeRestriction), so the first token comes of whoever
joins, and each later one of the token before. It lives for weeks: a Mac that was off for some days goes on.
"""

from __future__ import annotations

import base64
import binascii
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from bronzewillow.host.parsing import parse_json
from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Forbidden, KubeError, NotFound, Unauthorized
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import SERVICE_ACCOUNTS
from kubelet.clock import Clock
from kubelet.membership.home import Home
from kubelet.membership.setup import NAMESPACE, SERVICE_ACCOUNT

_LIFE = timedelta(days=30)
_LOOK_S = 600.0
_AGE = timedelta(days=1)
_log = logging.getLogger(__name__)


async def request_token(client: KubeClient) -> str:
    """A new token of the network's account. KubeError."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
        "spec": {"expirationSeconds": int(_LIFE.total_seconds())},
    }
    answer = await client.create_subresource(SERVICE_ACCOUNTS, SERVICE_ACCOUNT, "token", body, NAMESPACE)
    return str(answer["status"]["token"])


def token_span(token: str) -> tuple[datetime, datetime] | None:
    """When a token was made and when it ends, by its own word; None for what is no such token; pure."""
    try:
        payload = token.split(".")[1]
        claims: Any = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["iat"], UTC), datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error, OverflowError, OSError):
        return None


def is_due(token: str, now: datetime) -> bool:
    """Whether it is to be renewed: after a day, or four fifths of a shorter life; pure."""
    span = token_span(token)
    if span is None:
        return False
    made, ends = span
    return now >= made + min(_AGE, (ends - made) * 0.8)


class NetworkAccount:
    """Keeps the token in the node's home good."""

    def __init__(self, home: Home, cluster: Cluster, clock: Clock) -> None:
        self._home, self._cluster, self._clock = home, cluster, clock

    def access(self) -> Access | None:
        """The account's, as of now; None without a token."""
        token = self._token()
        if not token:
            return None
        return Access(self._cluster, HeldIdentity(Presented(token=token)))

    async def run(self) -> None:
        """Until cancelled; nothing happens without a first token."""
        while True:
            await self.renew_if_due()
            await self._clock.sleep(_LOOK_S)

    async def renew_if_due(self) -> None:
        """What fails is tried again at the next look."""
        access = self.access()
        if access is None or not is_due(self._token(), self._clock.wall()):
            return
        try:
            async with KubeClient(access) as client:
                token = await request_token(client)
        except Unauthorized:
            _log.warning("the network's token has ended; `bronzewillow join` with a new token gives another")
        except (Forbidden, NotFound) as error:
            _log.warning(
                "the network's token cannot be renewed: %s; apply `bronzewillow join --print-setup`", error
            )
        except KubeError as error:
            _log.info("the network's token is not renewed yet: %s", error)
        else:
            self._home.write_network_token(self._cluster, token)

    def _token(self) -> str:
        try:
            return self._home.network_token.read_text().strip()
        except OSError:
            return ""
