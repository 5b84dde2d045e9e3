"""Bearer tokens: ServiceAccounts' (JWT), bootstrap tokens (Secrets), and some that are given."""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from bronzewillow.kube.resources import NODES, PODS, SECRETS, SERVICE_ACCOUNTS, Object
from bronzewillow.kube.times import parse_time
from bronzewillow.testing.apiserver.calls import User
from bronzewillow.testing.apiserver.store import Store

AUDIENCE = ISSUER = "https://kubernetes.default.svc.cluster.local"
_BOOTSTRAP = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")


class Tokens:
    """Whose a token is."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._key = secrets.token_bytes(32)
        self.given: dict[str, User] = {}
        """Tokens that are known without an object, such as an administrator's."""

    def user(self, token: str, audiences: Sequence[str] = (AUDIENCE,)) -> User | None:
        """None for a token that does not count."""
        if token in self.given:
            return self.given[token]
        if bootstrap := _BOOTSTRAP.fullmatch(token):
            return self._bootstrap_user(*bootstrap.groups())
        claims = self._claims(token)
        if claims is None or not {*claims["aud"]} & {*audiences}:
            return None
        return self._account_user(claims)

    def audiences(self, token: str) -> list[str]:
        """For whom a ServiceAccount's token is meant; none for other tokens."""
        claims = self._claims(token)
        return list(claims["aud"]) if claims else []

    def issue(
        self, account: Object, audiences: Sequence[str], life_s: int, pod: Object | None = None
    ) -> tuple[str, datetime]:
        """A token for a ServiceAccount, bound to a pod if one is given; and when it ends."""
        now = int(self._clock().timestamp())
        namespace = account["metadata"]["namespace"]
        about: dict[str, Any] = {"namespace": namespace, "serviceaccount": _reference(account)}
        if pod is not None:
            about["pod"] = _reference(pod)
            node = self._store.get(NODES, "", pod["spec"].get("nodeName", ""))
            about |= {"node": _reference(node)} if node else {}
        claims = {
            "aud": list(audiences or [AUDIENCE]),
            "exp": now + life_s,
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": about,
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{account['metadata']['name']}",
        }
        signed = f"{_part({'alg': 'HS256', 'kid': 'double'})}.{_part(claims)}"
        return f"{signed}.{self._signature(signed)}", datetime.fromtimestamp(
            now + life_s, self._clock().tzinfo
        )

    def _claims(self, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        claims: dict[str, Any] = json.loads(_decode(signed.partition(".")[2]))
        return claims if claims["exp"] > self._clock().timestamp() else None

    def _account_user(self, claims: dict[str, Any]) -> User | None:
        about = claims["kubernetes.io"]
        namespace, account = about["namespace"], about["serviceaccount"]
        found = self._store.get(SERVICE_ACCOUNTS, namespace, account["name"])
        if found is None or found["metadata"]["uid"] != account["uid"]:
            return None
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        if pod := about.get("pod"):
            known = self._store.get(PODS, namespace, pod["name"])
            if known is None or known["metadata"]["uid"] != pod["uid"]:
                return None
            extra["authentication.kubernetes.io/pod-name"] = [pod["name"]]
            extra["authentication.kubernetes.io/pod-uid"] = [pod["uid"]]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return User(claims["sub"], groups, account["uid"], extra)

    def _bootstrap_user(self, identifier: str, secret: str) -> User | None:
        found = self._store.get(SECRETS, "kube-system", f"bootstrap-token-{identifier}")
        if found is None or found.get("type") != "bootstrap.kubernetes.io/token":
            return None
        data = {name: _text(value) for name, value in (found.get("data") or {}).items()}
        expires = data.get("expiration")
        if (
            not hmac.compare_digest(data.get("token-secret", ""), secret)
            or data.get("usage-bootstrap-authentication") != "true"
            or (expires and parse_time(expires) <= self._clock())
        ):
            return None
        more = tuple(filter(None, data.get("auth-extra-groups", "").split(",")))
        groups = ("system:bootstrappers", *more, "system:authenticated")
        return User(f"system:bootstrap:{identifier}", groups)

    def _signature(self, signed: str) -> str:
        return _encode(hmac.digest(self._key, signed.encode(), "sha256"))


def _reference(obj: Object) -> dict[str, str]:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _text(data: str) -> str:
    return base64.b64decode(data).decode()


def _part(value: object) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
