"""What pods and containers of one node have in common."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from bronzewillow.host.files import replace_file
from runtime.api import cri_pb2 as api
from runtime.cri.errors import InvalidArgument
from runtime.cri.events import Events
from runtime.cri.images import Images
from runtime.cri.network_environment import network_environment
from runtime.cri.records import Container, Records, Sandbox
from runtime.cri.shims import Shims
from runtime.cri.statuses import container_status, sandbox_status
from runtime.cri.waiting import Waiting
from runtime.exec.ledger import Ledger
from runtime.networks.network import Network

_POD_CIDR = "pod_cidr"
_ID_DIGITS = 12


@dataclass(slots=True)
class Node:
    """One node; its records are those of `root`."""

    root: Path
    images: Images
    network: Network
    sockets: Path
    """The folder with a folder of sockets for each pod."""
    events: Events = field(default_factory=Events)
    sandboxes: Records[Sandbox] = field(init=False)
    containers: Records[Container] = field(init=False)
    shims: Shims = field(init=False)
    waiting: Waiting = field(default_factory=Waiting)
    ledger: Ledger = field(init=False)
    """Of programs that run beside containers."""
    _locks: defaultdict[str, asyncio.Lock] = field(init=False)

    def __post_init__(self) -> None:
        self.sandboxes = Records(self.root / "sandboxes", Sandbox)
        self.containers = Records(self.root / "containers", Container)
        self.shims = Shims(self.root / "sandboxes")
        self.ledger = Ledger(self.root / "exec")
        self._locks = defaultdict(asyncio.Lock)

    @property
    def pod_cidr(self) -> str:
        """As a kubelet told it last."""
        try:
            return (self.root / _POD_CIDR).read_text()
        except OSError:
            return ""

    @pod_cidr.setter
    def pod_cidr(self, text: str) -> None:
        replace_file(self.root / _POD_CIDR, parse_pod_cidrs(text).encode())

    def lock(self, sandbox_id: str) -> asyncio.Lock:
        """One pod's changes come one after another."""
        return self._locks[sandbox_id]

    def forget(self, sandbox_id: str) -> None:
        """The pod is gone."""
        self._locks.pop(sandbox_id, None)
        self.waiting.forget(sandbox_id)

    def containers_of(self, sandbox: Sandbox) -> list[Container]:
        """The containers of a pod, oldest first."""
        found = [one for one in self.containers if one.sandbox_id == sandbox.id]
        return sorted(found, key=lambda one: one.created_ns)

    def environment_beside(self, container: Container) -> dict[str, str]:
        """What a program finds that runs beside a container."""
        told = {one.key: one.value.decode(errors="replace") for one in container.config.envs}
        return {**network_environment(self.sockets_of(container.sandbox_id)), **told}

    def sockets_of(self, sandbox_id: str) -> Path:
        """A pod's folder of sockets, as the CNI plugin names it: docs/cni.md."""
        return self.sockets / sandbox_id[:_ID_DIGITS]

    def bundle(self, container: Container) -> Path:
        """The folder of a container's bundle."""
        return self.containers.folder(container) / "bundle"

    def tell(self, kind: api.ContainerEventType, container_id: str, sandbox: Sandbox | None) -> None:
        """Publish an event with all statuses of the pod."""
        statuses = [] if sandbox is None else [container_status(one) for one in self.containers_of(sandbox)]
        self.events.publish(
            kind, container_id, None if sandbox is None else sandbox_status(sandbox), statuses
        )


def parse_pod_cidrs(text: str) -> str:
    """What a kubelet tells: networks, with a comma between; "" for none yet. InvalidArgument."""
    try:
        return ",".join(str(ip_network(one.strip())) for one in text.split(",") if text)
    except ValueError as error:
        raise InvalidArgument(f"the pod CIDR {text[:100]!r}: {error}") from None


def new_id() -> str:
    """A random id, as long as containerd's: 64 hex digits."""
    return secrets.token_hex(32)
