from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS as CSRS
from bronzewillow.kube.resources import Object
from bronzewillow.testing.apiserver import certificates
from bronzewillow.testing.apiserver.authority import Authority
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.certificates import CLIENT_SIGNER, SERVING_SIGNER
from bronzewillow.testing.apiserver.kinds import Kind
from bronzewillow.testing.apiserver.refusals import Refused

NODE = User("system:node:a", ("system:nodes",))
CLIENT = ["digital signature", "client auth"]
SERVING = ["digital signature", "server auth"]


def request(
    signer: str,
    usages: list[str],
    *,
    user: User = NODE,
    name: str = "system:node:a",
    organization: str = "system:nodes",
    names: tuple[x509.GeneralName, ...] = (),
) -> Object:
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, name),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pem = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM
    )
    spec = {"signerName": signer, "usages": usages, "request": base64.b64encode(pem).decode()}
    obj: Object = {"metadata": {"name": "csr"}, "spec": spec}
    certificates.prepare(Call(user, "create", kind=Kind(CSRS)), obj)
    return obj


def approved(obj: Object) -> Object:
    obj["status"]["conditions"] = [{"type": "Approved", "status": "True"}]
    return obj


def test_who_asks_is_written_down() -> None:
    obj = request(CLIENT_SIGNER, CLIENT, user=User("x", ("g",), "u", {"k": ["v"]}))
    assert obj["spec"]["username"] == "x"
    assert obj["spec"]["groups"] == ["g"]
    assert (obj["spec"]["uid"], obj["spec"]["extra"]) == ("u", {"k": ["v"]})


def test_a_client_certificate_is_approved_and_signed() -> None:
    asked: list[str] = []

    def may(user: User, subresource: str) -> bool:
        asked.append(subresource)
        return subresource == "nodeclient"

    obj = request(CLIENT_SIGNER, CLIENT)
    assert certificates.approve_own(obj, may)
    assert asked == ["selfnodeclient", "nodeclient"]
    authority = Authority()
    assert certificates.sign(obj, authority)
    certificate = x509.load_pem_x509_certificate(base64.b64decode(obj["status"]["certificate"]))
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.ca_pem))
    assert not certificates.sign(obj, authority)


def test_who_may_not_is_not_approved() -> None:
    assert not certificates.approve_own(request(CLIENT_SIGNER, CLIENT), lambda user, sub: False)


def test_a_serving_certificate_waits_for_somebody() -> None:
    obj = request(SERVING_SIGNER, SERVING, names=(x509.DNSName("a"),))
    assert not certificates.approve_own(obj, lambda user, sub: True)
    assert not certificates.sign(obj, Authority())
    assert certificates.sign(approved(obj), Authority())


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (request(CLIENT_SIGNER, CLIENT, organization="x"), "organization is not system:nodes"),
        (request(CLIENT_SIGNER, CLIENT, name="a"), "does not begin with system:node:"),
        (request(CLIENT_SIGNER, CLIENT, names=(x509.DNSName("a"),)), "are not allowed"),
        (request(CLIENT_SIGNER, SERVING), "usages"),
        (request(SERVING_SIGNER, SERVING), "is required"),
        (
            request(SERVING_SIGNER, SERVING, names=(x509.DNSName("a"), x509.RFC822Name("a@b"))),
            "Email and URI",
        ),
        (
            request(SERVING_SIGNER, SERVING, user=User("other"), names=(x509.DNSName("a"),)),
            "requesting user is not the node",
        ),
    ],
)
def test_what_is_not_signed(obj: Object, words: str) -> None:
    assert words in certificates.why_not(obj)
    assert certificates.sign(approved(obj), Authority())
    assert obj["status"]["conditions"][-1]["type"] == "Failed"
    assert "certificate" not in obj["status"]


def test_what_is_no_request() -> None:
    call = Call(NODE, "create", kind=Kind(CSRS))
    for spec, words in (
        ({}, "spec.signerName: Required value"),
        ({"signerName": "s"}, "spec.usages: Required value"),
        ({"signerName": "s", "usages": ["x"], "request": "?"}, "spec.request: Invalid value"),
    ):
        with pytest.raises(Refused, match=words):
            certificates.prepare(call, {"metadata": {"name": "a"}, "spec": spec})
