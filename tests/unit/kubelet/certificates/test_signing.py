from __future__ import annotations

import asyncio

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from kubelet.certificates import signing
from kubelet.certificates.errors import Denied, FailedPrecondition, Unavailable
from kubelet.certificates.requests import (
    client_request,
    is_answered_by,
    request_name,
    request_object,
    serving_request,
)
from kubelet.certificates.signing import approve_line, obtain

pytestmark = pytest.mark.loopback
SERVING = serving_request(NODE, (NODE,), ("192.0.2.7",))


def new_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def test_a_token_gets_a_client_certificate_unasked() -> None:
    async def body(cluster: Joinable) -> None:
        key = new_key()
        issued = await obtain(cluster.bootstrap, client_request(NODE), key, 5.0)
        certificate = x509.load_pem_x509_certificate(issued)
        assert is_answered_by(client_request(NODE), certificate)
        assert certificate.public_key() == key.public_key()

    on_cluster(body)


def test_a_request_that_was_made_before_is_waited_on() -> None:
    async def body(cluster: Joinable) -> None:
        key = new_key()
        await cluster.bootstrap.create(
            CERTIFICATE_SIGNING_REQUESTS, request_object(client_request(NODE), key)
        )
        await obtain(cluster.bootstrap, client_request(NODE), key, 5.0)
        assert len(await cluster.requests()) == 1

    on_cluster(body)


def test_a_serving_certificate_waits_for_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_UNASKED_S", 0.0)

    async def body(cluster: Joinable) -> None:
        key, told = new_key(), asyncio.Event()
        names: list[str] = []

        def on_pending(name: str) -> None:
            names.append(name)
            told.set()

        waiting = spawn(obtain(cluster.node, SERVING, key, 5.0, on_pending), name="obtain")
        await told.wait()
        assert names == [request_name(SERVING, key)]
        assert approve_line(names[0]) == f"kubectl certificate approve {names[0]}"
        await cluster.decide(names[0], "Approved")
        assert is_answered_by(SERVING, x509.load_pem_x509_certificate(await waiting))

    on_cluster(body)


def test_a_restart_of_the_api_server_is_waited_out() -> None:
    async def body(cluster: Joinable) -> None:
        key = new_key()
        waiting = spawn(obtain(cluster.node, SERVING, key, 9.0), name="obtain")
        await cluster.asked(1)
        await cluster.server.restart()
        await cluster.decide(request_name(SERVING, key), "Approved")
        assert is_answered_by(SERVING, x509.load_pem_x509_certificate(await waiting))

    on_cluster(body)


def test_a_denied_request_is_the_end() -> None:
    async def body(cluster: Joinable) -> None:
        key = new_key()
        waiting = asyncio.gather(obtain(cluster.node, SERVING, key, 5.0), return_exceptions=True)
        await cluster.asked(1)
        await cluster.decide(request_name(SERVING, key), "Denied", "NotInThisFleet")
        (found,) = await waiting
        assert isinstance(found, Denied)
        assert "denied: NotInThisFleet: said the test" in str(found)

    on_cluster(body)


def test_a_request_that_goes_away_can_be_made_again() -> None:
    async def body(cluster: Joinable) -> None:
        key = new_key()
        waiting = asyncio.gather(obtain(cluster.node, SERVING, key, 5.0), return_exceptions=True)
        await cluster.asked(1)
        await cluster.admin.delete(CERTIFICATE_SIGNING_REQUESTS, request_name(SERVING, key))
        (found,) = await waiting
        assert isinstance(found, Unavailable)
        assert "was deleted" in str(found)

    on_cluster(body)


def test_nobody_has_signed_in_time() -> None:
    async def body(cluster: Joinable) -> None:
        with pytest.raises(Unavailable, match="kubectl certificate approve node-csr-"):
            await obtain(cluster.node, SERVING, new_key(), 0.2)

    on_cluster(body)


def test_a_name_that_is_taken_for_another_key_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(cluster: Joinable) -> None:
        key = new_key()
        taken = request_object(client_request(NODE), new_key())
        taken["metadata"]["name"] = request_name(client_request(NODE), key)
        await cluster.bootstrap.create(CERTIFICATE_SIGNING_REQUESTS, taken)
        with pytest.raises(Denied, match="for another key"):
            await obtain(cluster.bootstrap, client_request(NODE), key, 5.0)

    on_cluster(body)


def test_who_may_not_ask_is_told_so() -> None:
    async def body(cluster: Joinable) -> None:
        async with KubeClient(cluster.server.certified("stranger")) as stranger:
            with pytest.raises(FailedPrecondition, match="not allowed to ask"):
                await obtain(stranger, client_request(NODE), new_key(), 5.0)

    on_cluster(body)
