"""From a token to certificates that the API server knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.client import KubeClient, PatchType, Selection
from bronzewillow.kube.errors import Forbidden, Invalid, Unauthorized, Unreachable
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import (
    CERTIFICATE_SIGNING_REQUESTS as CSRS,
)
from bronzewillow.kube.resources import (
    CONFIG_MAPS,
    NODES,
    Object,
)

from .conftest import Play
from .scene import TOKEN, Scene

pytestmark = pytest.mark.loopback
CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING = "kubernetes.io/kubelet-serving"
USAGES = {CLIENT: ["digital signature", "client auth"], SERVING: ["digital signature", "server auth"]}


@dataclass
class Wish:
    """A key, and a request for a certificate of it."""

    obj: Object
    key_pem: bytes

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])


def wish(
    scene: Scene,
    signer: str,
    *,
    names: tuple[x509.GeneralName, ...] = (),
    organization: str = "system:nodes",
    usages: list[str] | None = None,
) -> Wish:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{scene.node}"),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    digest = hashlib.sha256(pem).hexdigest()[:10]
    obj = {
        "metadata": {"name": f"csr-{digest}"},
        "spec": {
            "signerName": signer,
            "request": base64.b64encode(pem).decode(),
            "usages": usages or USAGES[signer],
            "expirationSeconds": 3600,
        },
    }
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return Wish(obj, key.private_bytes(encoding, kind, serialization.NoEncryption()))


def holder(scene: Scene, token: str = TOKEN) -> KubeClient:
    return scene.client(Access(scene.plane.cluster, HeldIdentity(Presented(token=token))))


def conditions(obj: Object) -> dict[str, str]:
    return {c["type"]: c["status"] for c in obj.get("status", {}).get("conditions", [])}


def certificate(obj: Object) -> bytes:
    return base64.b64decode(obj["status"]["certificate"])


async def approve(scene: Scene, name: str, kind: str = "Approved") -> None:
    moment = {"type": kind, "status": "True", "reason": "Contract", "message": "x"}
    obj = await scene.admin.get(CSRS, name)
    obj.setdefault("status", {}).setdefault("conditions", []).append(moment)
    await scene.admin.replace(CSRS, obj, "approval")


def test_cluster_info_for_strangers(play: Play) -> None:
    async def body(scene: Scene) -> None:
        key = f"jws-kubeconfig-{TOKEN[:6]}"
        found = await scene.until(CONFIG_MAPS, "cluster-info", lambda obj: key in obj["data"], "kube-public")
        cluster = Cluster(scene.plane.cluster.server, insecure=True)
        stranger = scene.client(Access(cluster, HeldIdentity()))
        data = (await stranger.get(CONFIG_MAPS, "cluster-info", "kube-public"))["data"]
        assert data == found["data"]
        header, nothing, signature = data[key].split(".")
        assert nothing == ""
        payload = base64.urlsafe_b64encode(data["kubeconfig"].encode()).decode().rstrip("=")
        digest = hmac.new(TOKEN[7:].encode(), f"{header}.{payload}".encode(), hashlib.sha256).digest()
        assert signature == base64.urlsafe_b64encode(digest).decode().rstrip("=")
        assert b'"kid":"abcdef"' in base64.urlsafe_b64decode(header + "==")
        said = yaml.safe_load(data["kubeconfig"])["clusters"][0]["cluster"]
        assert base64.b64decode(said["certificate-authority-data"]) == scene.plane.cluster.ca_pem
        with pytest.raises(Forbidden, match='User "system:anonymous" cannot list resource "nodes"'):
            await stranger.list(NODES)

    play(body)


def test_who_does_not_believe_the_certificate(play: Play) -> None:
    async def body(scene: Scene) -> None:
        stranger = scene.client(Access(Cluster(scene.plane.cluster.server), HeldIdentity()))
        with pytest.raises(Unreachable, match="its certificate does not count"):
            await stranger.request("GET", "/version")

    play(body)


def test_a_token_becomes_a_node(play: Play) -> None:
    async def body(scene: Scene) -> None:
        asked, client = wish(scene, CLIENT), holder(scene)
        await client.create(CSRS, asked.obj)
        done = await scene.until(CSRS, asked.name, lambda obj: "certificate" in obj.get("status", {}))
        assert conditions(done) == {"Approved": "True"}
        assert done["spec"]["username"] == "system:bootstrap:abcdef"
        assert "system:bootstrappers" in done["spec"]["groups"]
        pem = certificate(done)
        found = x509.load_pem_x509_certificate(pem)
        purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert [*purposes] == [ExtendedKeyUsageOID.CLIENT_AUTH]
        life = found.not_valid_after_utc - found.not_valid_before_utc
        assert 3600 <= life.total_seconds() <= 3600 + 600
        node = scene.client(Access(scene.plane.cluster, HeldIdentity(Presented(pem, asked.key_pem))))
        who = await node.request(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            body={"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        )
        assert who["status"]["userInfo"]["username"] == f"system:node:{scene.node}"
        again = wish(scene, CLIENT)
        await node.create(CSRS, again.obj)
        await scene.until(CSRS, again.name, lambda obj: "certificate" in obj.get("status", {}))

    play(body)


def test_what_a_token_may(play: Play) -> None:
    async def body(scene: Scene) -> None:
        client, asked = holder(scene), wish(scene, CLIENT)
        await client.create(CSRS, asked.obj)
        await client.get(CSRS, asked.name)
        await client.list(CSRS, Selection(fields=f"metadata.name={asked.name}"))
        with pytest.raises(Forbidden):
            await client.list(NODES)
        with pytest.raises(Forbidden):
            await client.create(NODES, {"metadata": {"name": scene.node}})
        for false in ("abcdef.0000000000000000", "nobody.0123456789abcdef", "nonsense"):
            with pytest.raises(Unauthorized):
                await holder(scene, false).list(CSRS)

    play(body)


def test_a_serving_certificate_waits_for_approval(play: Play) -> None:
    async def body(scene: Scene) -> None:
        asked = wish(scene, SERVING, names=(x509.DNSName(scene.node),))
        await scene.as_node().create(CSRS, asked.obj)
        assert conditions(await scene.admin.get(CSRS, asked.name)) == {}
        await approve(scene, asked.name)
        done = await scene.until(CSRS, asked.name, lambda obj: "certificate" in obj.get("status", {}))
        found = x509.load_pem_x509_certificate(certificate(done))
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [scene.node]

    play(body)


def test_a_denied_request_is_not_signed(play: Play) -> None:
    async def body(scene: Scene) -> None:
        asked = wish(scene, SERVING, names=(x509.DNSName(scene.node),))
        await scene.as_node().create(CSRS, asked.obj)
        await approve(scene, asked.name, "Denied")
        found = await scene.until(CSRS, asked.name, lambda obj: bool(conditions(obj)))
        assert conditions(found) == {"Denied": "True"}
        assert "certificate" not in found["status"]
        with pytest.raises(Invalid):
            await approve(scene, asked.name)

    play(body)


def test_a_request_that_does_not_fit_fails(play: Play) -> None:
    async def body(scene: Scene) -> None:
        asked = wish(scene, SERVING)  # without any name to be reached by
        await scene.as_node().create(CSRS, asked.obj)
        await approve(scene, asked.name)
        found = await scene.until(CSRS, asked.name, lambda obj: "Failed" in conditions(obj))
        assert "certificate" not in found["status"]

    play(body)


def test_what_is_no_request(play: Play) -> None:
    async def body(scene: Scene) -> None:
        changes: list[Object] = [{"request": "bm9uc2Vuc2U="}, {"usages": []}, {"signerName": ""}]
        for change in changes:
            obj = wish(scene, CLIENT).obj
            obj["spec"] |= change
            with pytest.raises(Invalid):
                await scene.admin.create(CSRS, obj)
        asked = wish(scene, CLIENT)
        await scene.admin.create(CSRS, asked.obj)
        await scene.admin.patch(CSRS, asked.name, {"spec": {"usages": ["server auth"]}}, type=PatchType.MERGE)
        assert (await scene.admin.get(CSRS, asked.name))["spec"]["usages"] == USAGES[CLIENT]

    play(body)
