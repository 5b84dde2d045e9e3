"""The command lines of a control plane, and the files that they name. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERVICE_CIDR = "10.96.0.0/16"
_ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are; all of it below one folder that is ours alone."""

    folder: Path
    api_port: int
    etcd_port: int
    etcd_peer_port: int
    controller_port: int
    scheduler_port: int

    def certificate(self, name: str) -> Path:
        """In PEM."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """In PEM."""
        return self.folder / f"{name}.key"

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def kubeconfig(self) -> Path:
        """An administrator's, for the other programs."""
        return self.folder / "admin.kubeconfig"


def etcd(layout: Layout) -> list[str]:
    """On loopback, without TLS."""
    url = f"http://127.0.0.1:{layout.etcd_port}"
    peer = f"http://127.0.0.1:{layout.etcd_peer_port}"
    return [
        "etcd",
        "--name=one",
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=one={peer}",
        "--log-level=warn",
        "--unsafe-no-fsync",
    ]


def kube_apiserver(layout: Layout) -> list[str]:
    """Authorizers and admission as kubeadm has them."""
    return [
        "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{layout.etcd_port}",
        "--bind-address=127.0.0.1",
        f"--secure-port={layout.api_port}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # a loopback address may not stand in an EndpointSlice
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-bootstrap-token-auth=true",
        f"--client-ca-file={layout.certificate('ca')}",
        f"--tls-cert-file={layout.certificate('apiserver')}",
        f"--tls-private-key-file={layout.key('apiserver')}",
        f"--kubelet-client-certificate={layout.certificate('kubelet-client')}",
        f"--kubelet-client-key={layout.key('kubelet-client')}",
        "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={layout.key('service-account')}",
        f"--service-account-signing-key-file={layout.key('service-account')}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--allow-privileged=true",
        f"--cert-dir={layout.folder / 'generated'}",
    ]


def kube_controller_manager(layout: Layout) -> list[str]:
    """With the signers of bootstrap tokens and of certificates."""
    return [
        "kube-controller-manager",
        "--bind-address=127.0.0.1",
        f"--secure-port={layout.controller_port}",
        "--leader-elect=false",
        *_kubeconfigs(layout),
        f"--root-ca-file={layout.certificate('ca')}",
        f"--cluster-signing-cert-file={layout.certificate('ca')}",
        f"--cluster-signing-key-file={layout.key('ca')}",
        f"--service-account-private-key-file={layout.key('service-account')}",
        "--use-service-account-credentials=true",
        "--controllers=*,bootstrapsigner,tokencleaner",
        "--allocate-node-cidrs=true",
        "--cluster-cidr=10.244.0.0/16",
        "--node-cidr-mask-size=24",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--cert-dir={layout.folder / 'generated'}",
    ]


def kube_scheduler(layout: Layout) -> list[str]:
    """The default one."""
    return [
        "kube-scheduler",
        "--bind-address=127.0.0.1",
        f"--secure-port={layout.scheduler_port}",
        "--leader-elect=false",
        *_kubeconfigs(layout),
        f"--cert-dir={layout.folder / 'generated'}",
    ]


def _kubeconfigs(layout: Layout) -> list[str]:
    roles = ("", "authentication-", "authorization-")
    return [f"--{role}kubeconfig={layout.kubeconfig}" for role in roles]
