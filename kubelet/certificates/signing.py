"""Having a certificate signed by the cluster: ask, wait for somebody's yes, take it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.cache import Change
from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.errors import AlreadyExists, Forbidden, KubeError, NotFound
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS as REQUESTS
from bronzewillow.kube.resources import Object, uid_of
from kubelet.certificates.errors import Denied, FailedPrecondition, Unavailable
from kubelet.certificates.progress import Issued, Refused, progress_of
from kubelet.certificates.requests import Request, is_for_key, request_name, request_object

_AGAIN = 3
_UNASKED_S = 3.0
OnPending = Callable[[str], None]
"""Told the name of a request that nobody has signed unasked."""


async def obtain(
    client: KubeClient,
    request: Request,
    key: EllipticCurvePrivateKey,
    timeout_s: float,
    on_pending: OnPending | None = None,
) -> bytes:
    """The certificate, in PEM. A request that was made before, for the same key, is waited on.

    Denied, FailedPrecondition; Unavailable: nobody has signed within `timeout_s`, or the request went away.
    """
    name = request_name(request, key)
    try:
        async with asyncio.timeout(timeout_s):
            created = await _create(client, request, key)
            return await _wait(client, created, on_pending)
    except TimeoutError:
        raise Unavailable(
            f"nobody has signed {name} within {timeout_s:.0f} s; an administrator runs: {approve_line(name)}"
        ) from None


def approve_line(name: str) -> str:
    """The command by which an administrator approves the request."""
    return f"kubectl certificate approve {name}"


async def _create(client: KubeClient, request: Request, key: EllipticCurvePrivateKey) -> Object:
    name = request_name(request, key)
    for _ in range(_AGAIN):
        try:
            return await client.create(REQUESTS, request_object(request, key))
        except AlreadyExists:
            pass
        except Forbidden as error:
            raise FailedPrecondition(f"not allowed to ask for a certificate: {error}") from None
        except KubeError as error:
            raise Unavailable(str(error)) from None
        try:
            found = await client.get(REQUESTS, name)
        except NotFound:  # it was deleted in between
            continue
        except KubeError as error:
            raise Unavailable(str(error)) from None
        if not is_for_key(found, key):
            raise Denied(f"the request {name} exists, for another key; delete it: kubectl delete csr {name}")
        return found
    raise Unavailable(f"the request {name} comes and goes")


async def _wait(client: KubeClient, created: Object, on_pending: OnPending | None) -> bytes:
    """Watch it. The API server may go away and come back meanwhile."""
    name = created["metadata"]["name"]
    result: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def look(_: list[Change]) -> None:
        if result.done():
            return
        mine = reflector.cache.get(uid_of(created))  # a namesake is another's
        match mine and progress_of(mine):
            case Issued(certificate):
                result.set_result(certificate)
            case Refused(reason):
                result.set_exception(Denied(f"the request {name} was {reason}"))
            case None:
                result.set_exception(Unavailable(f"the request {name} was deleted before it was signed"))

    reflector = Reflector(client, REQUESTS, look, Selection(fields=f"metadata.name={name}"))
    watching = spawn(reflector.run(), name=f"watch {name}")
    try:
        if on_pending is not None:
            await asyncio.wait({result}, timeout=_UNASKED_S)
            if not result.done():
                on_pending(name)
        return await result
    finally:
        watching.cancel()
