"""A server with real TLS on loopback; the runtime and the API server behind it say what a test wants."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from prometheus_client import CollectorRegistry

from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID
from kubelet.server.app import KubeletServer, ServerParts
from kubelet.server.callers import CallerLimits
from kubelet.server.surroundings import InterfaceUsage, Json, NodeUsage, PodDisk
from kubelet.server.tls import ServingTls
from runtime.api import cri_pb2 as api

NODE = "mac-1"
TOKEN = "a-token-of-metrics-server"


class Authority:
    """A certificate authority."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key, None)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def pair(self, path: Path, name: str, *groups: str, client: bool = True) -> Path:
        """Certificate and key in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        certificate = self._sign(subject, key, usage)
        pem = serialization.Encoding.PEM
        path.write_bytes(
            certificate.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return path

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, usage: x509.ObjectIdentifier | None
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        else:
            signs = x509.KeyUsage(
                digital_signature=False, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                encipher_only=False, decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(signs, critical=True)
        return builder.sign(self.key, hashes.SHA256())


def pod(name: str = "llm-0", uid: str = "u-1", *, container: str = "llm", status: Json | None = None) -> Json:
    return {
        "metadata": {"namespace": "default", "name": name, "uid": uid},
        "spec": {"containers": [{"name": container}]},
        "status": status or {},
    }


@dataclass
class Pods:
    found: list[Json] = field(default_factory=lambda: [pod()])

    def all(self) -> list[Json]:
        return self.found

    def get(self, namespace: str, name: str) -> Json | None:
        for one in self.found:
            if (one["metadata"]["namespace"], one["metadata"]["name"]) == (namespace, name):
                return one
        return None


@dataclass
class Runtime:
    """The calls that a test has answers for; all else is refused."""

    found: list[api.Container] = field(default_factory=list)
    ready: list[api.PodSandbox] = field(default_factory=list)
    stats: list[api.PodSandboxStats] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    url: str = ""
    asked: list[Any] = field(default_factory=list)

    async def sandboxes(self, uid: str = "") -> list[api.PodSandbox]:
        return self.ready

    async def containers(self, uid: str = "") -> list[api.Container]:
        return [one for one in self.found if not uid or one.labels[POD_UID] == uid]

    async def container_status(self, container_id: str) -> api.ContainerStatus:
        for one in self.found:
            if one.id == container_id:
                return api.ContainerStatus(
                    id=one.id, state=one.state, metadata=one.metadata, log_path=self.logs.get(one.id, "")
                )
        raise RuntimeRefusal("no such container", grpc.StatusCode.NOT_FOUND)

    async def sandbox_stats(self) -> list[api.PodSandboxStats]:
        return self.stats

    async def image_filesystems(self) -> list[api.FilesystemUsage]:
        return [api.FilesystemUsage(used_bytes=api.UInt64Value(value=700))]

    async def exec_sync(self, container_id: str, command: list[str], timeout_s: int) -> api.ExecSyncResponse:
        self.asked.append((container_id, command))
        return api.ExecSyncResponse(stdout=b"out", stderr=b"err", exit_code=int(command[0] == "false"))

    async def exec(self, request: api.ExecRequest) -> str:
        return self._stream(request)

    async def attach(self, request: api.AttachRequest) -> str:
        return self._stream(request)

    async def port_forward(self, request: api.PortForwardRequest) -> str:
        return self._stream(request)

    def _stream(self, request: Any) -> str:
        self.asked.append(request)
        if not self.url:
            raise RuntimeRefusal("exec is off on this node", grpc.StatusCode.PERMISSION_DENIED)
        return self.url


@dataclass
class Reviews:
    """`alice` may do all, `bob` reads metrics; the token is of bob."""

    tokens: int = 0
    accesses: list[Json] = field(default_factory=list)
    failure: Exception | None = None

    async def token(self, token: str) -> Json:
        self.tokens += 1
        if self.failure is not None:
            raise self.failure
        if token != TOKEN:
            return {"authenticated": False}
        return {"authenticated": True, "user": {"username": "bob", "groups": ["g"], "extra": {"k": ["v"]}}}

    async def access(self, spec: Json) -> Json:
        self.accesses.append(spec)
        if self.failure is not None:
            raise self.failure
        subresource = spec["resourceAttributes"]["subresource"]
        return {"allowed": spec["user"] == "alice" or subresource in ("metrics", "stats")}


class Disks:
    def usage(self, pod: Json) -> PodDisk:
        return PodDisk({"llm": 5}, {"cache": 6})


class Machine:
    def usage(self) -> NodeUsage:
        return NodeUsage(
            1_700_000_000_500_000_000, 12.5, 0.5, 1000, 3000, 10, 90, 100, 5, 6, 1_600_000_000.0,
            cores=8, files=50, files_free=40, processes=300, most_processes=4000, swap_used_bytes=1,
            swap_available_bytes=2,
            interfaces=(InterfaceUsage("en0", 5, 1, 6, 0), InterfaceUsage("lo0", 500, 0, 500, 0)),
        )  # fmt: skip


@dataclass
class Liveness:
    problem: str = ""

    def sync_loop_problem(self) -> str:
        return self.problem


def container(
    container_id: str = "c-1",
    *,
    attempt: int = 0,
    state: api.ContainerState = api.CONTAINER_RUNNING,
    name: str = "llm",
) -> api.Container:
    labels = {POD_UID: "u-1", POD_NAME: "llm-0", POD_NAMESPACE: "default", CONTAINER_NAME: name}
    return api.Container(
        id=container_id,
        metadata=api.ContainerMetadata(name=name, attempt=attempt),
        state=state,
        labels=labels,
        image_ref="library/llm@sha256:0",
        created_at=1_600_000_100_000_000_000,
    )


@dataclass
class Served:
    """A server that runs, and what it was made of."""

    folder: Path
    authority: Authority
    server: KubeletServer
    url: str = ""
    pods: Pods = field(default_factory=Pods)
    runtime: Runtime = field(default_factory=Runtime)
    reviews: Reviews = field(default_factory=Reviews)
    liveness: Liveness = field(default_factory=Liveness)

    def tls(
        self, name: str | None = "alice", *groups: str, authority: Authority | None = None
    ) -> ssl.SSLContext:
        """A client's side: with a certificate, or with none."""
        context = ssl.create_default_context(cadata=self.authority.pem)
        context.check_hostname = False
        if name is not None:
            pair = (authority or self.authority).pair(self.folder / f"{name}.pem", name, *groups)
            context.load_cert_chain(pair)
        return context

    @asynccontextmanager
    async def client(
        self, name: str | None = "alice", *, token: str = "", authority: Authority | None = None
    ) -> AsyncIterator[aiohttp.ClientSession]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connector = aiohttp.TCPConnector(ssl=self.tls(name, "system:masters", authority=authority))
        async with aiohttp.ClientSession(self.url, connector=connector, headers=headers) as session:
            yield session


Serve = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """`async with serve(stranger_s=1) as served`: with other `CallerLimits`, if given."""

    @asynccontextmanager
    async def serving(**limits: Any) -> AsyncIterator[Served]:
        authority = Authority("cluster-ca")
        pods, runtime, reviews, liveness = Pods(), Runtime(), Reviews(), Liveness()
        server = KubeletServer(
            ServerParts(
                NODE, pods, runtime, reviews, Machine(), Disks(), liveness, CollectorRegistry(),
                CollectorRegistry(), {"kind": "KubeletConfiguration"}, CallerLimits(**limits),
            )
        )  # fmt: skip
        served = Served(tmp_path, authority, server, "", pods, runtime, reviews, liveness)
        pair = authority.pair(tmp_path / "serving.pem", f"system:node:{NODE}", "system:nodes", client=False)
        port = await server.start("127.0.0.1", 0, ServingTls(pair, authority.pem).context)
        served.url = f"https://127.0.0.1:{port}"
        try:
            yield served
        finally:
            await server.close()

    return serving
