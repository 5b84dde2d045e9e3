"""CertificateSigningRequests: who asked, what is approved by itself, and signing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS as CSRS
from bronzewillow.kube.resources import Object
from bronzewillow.testing.apiserver.authority import Authority
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.refusals import invalid

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
_USAGES = {
    CLIENT_SIGNER: {"digital signature", "client auth"},
    SERVING_SIGNER: {"digital signature", "server auth"},
}
_LONGEST_LIFE_S = 365 * 86400


def prepare(call: Call, obj: Object) -> None:
    """On create: who asks is written down, and the request is read. Refused."""
    spec = obj.setdefault("spec", {})
    name = obj["metadata"].get("name", "")
    if not spec.get("signerName"):
        raise invalid(CSRS, name, "spec.signerName", "Required value", "FieldValueRequired")
    if not spec.get("usages"):
        raise invalid(CSRS, name, "spec.usages", "Required value", "FieldValueRequired")
    try:
        parse_request(obj)
    except ValueError as error:
        raise invalid(
            CSRS, name, "spec.request", f"Invalid value: {spec.get('request')!r}: {error}"
        ) from None
    user = call.user
    spec |= {"username": user.name, "groups": [*user.groups]} | ({"uid": user.uid} if user.uid else {})
    if user.extra:
        spec["extra"] = {key: [*values] for key, values in user.extra.items()}
    obj["status"] = {}


def parse_request(obj: Object) -> x509.CertificateSigningRequest:
    """`spec.request`; ValueError."""
    try:
        return x509.load_pem_x509_csr(base64.b64decode(obj["spec"]["request"], validate=True))
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"PEM block type must be CERTIFICATE REQUEST ({error})") from None


def approve_own(obj: Object, may: Callable[[User, str], bool]) -> bool:
    """Approve a kubelet's request for a client certificate, if whoever asked may have one."""
    if obj["spec"]["signerName"] != CLIENT_SIGNER or _conditions(obj) or why_not(obj):
        return False
    spec = obj["spec"]
    user = User(spec["username"], tuple(spec.get("groups") or ()))
    name = _common_name(parse_request(obj))
    for subresource, is_it in (("selfnodeclient", user.name == name), ("nodeclient", True)):
        if is_it and may(user, subresource):
            _set(
                obj,
                "Approved",
                "AutoApproved",
                f"Auto approving {subresource} certificate after SubjectAccessReview.",
            )
            return True
    return False


def sign(obj: Object, authority: Authority) -> bool:
    """Sign, or fail, what was approved; whether anything changed."""
    signer, conditions = obj["spec"]["signerName"], _conditions(obj)
    if (
        signer not in _USAGES
        or "Approved" not in conditions
        or "Denied" in conditions
        or "Failed" in conditions
    ):
        return False
    if obj["status"].get("certificate"):
        return False
    if problem := why_not(obj):
        _set(obj, "Failed", "SignerValidationFailure", problem)
        return True
    life = timedelta(seconds=min(obj["spec"].get("expirationSeconds", _LONGEST_LIFE_S), _LONGEST_LIFE_S))
    pem = authority.sign(parse_request(obj), server=signer == SERVING_SIGNER, life=life)
    obj["status"]["certificate"] = base64.b64encode(pem).decode()
    return True


def why_not(obj: Object) -> str:
    """What a kubelet's request lacks (k8s pkg/apis/certificates/helpers.go); empty for nothing."""
    request, signer = parse_request(obj), obj["spec"]["signerName"]
    organizations = [a.value for a in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if organizations != ["system:nodes"]:
        return "subject organization is not system:nodes"
    if not _common_name(request).startswith("system:node:"):
        return "subject common name does not begin with system:node:"
    try:
        names = [*request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except x509.ExtensionNotFound:
        names = []
    if signer == CLIENT_SIGNER and names:
        return "DNS or IP subjectAltNames are not allowed"
    if signer == SERVING_SIGNER:
        if not any(isinstance(name, x509.DNSName | x509.IPAddress) for name in names):
            return "DNS or IP subjectAltName is required"
        if not all(isinstance(name, x509.DNSName | x509.IPAddress) for name in names):
            return "Email and URI subjectAltNames are not allowed"
        if obj["spec"]["username"] != _common_name(request):
            return "requesting user is not the node"
    if {*obj["spec"]["usages"]} - {"key encipherment"} != _USAGES[signer]:
        return "usages did not match"
    return ""


def _common_name(request: x509.CertificateSigningRequest) -> str:
    found = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _conditions(obj: Object) -> set[str]:
    return {condition["type"] for condition in obj.get("status", {}).get("conditions") or []}


def _set(obj: Object, kind: str, reason: str, message: str) -> None:
    conditions = obj.setdefault("status", {}).setdefault("conditions", [])
    conditions.append({"type": kind, "status": "True", "reason": reason, "message": message})
