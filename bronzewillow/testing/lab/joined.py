"""A Mac that has joined the cluster of a CNI: API server, worker, pods on both sides, our agent between."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from bronzewillow.cni.leases import Lease
from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.kubectl import Kubectl
from bronzewillow.testing.lab.netns import NOBODY, Namespace
from bronzewillow.testing.lab.peers.family import Family
from bronzewillow.testing.lab.peers.kube_proxy import TARGET_PORT, add_services, endpoint_slice, service
from bronzewillow.testing.lab.peers.peer import MAC_NODE, Document, Peer, Site
from bronzewillow.testing.lab.programs import Programs
from bronzewillow.testing.lab.site import Place, on_this_kernel
from bronzewillow.testing.lab.topology import namespaces

FILES_PORT = 9000
"""Of a pod: the file server behind the opaque relay. On 8080 it is behind the HTTP proxy."""
OUTLET = "127.0.0.1:1080"
METRICS = "127.0.0.1:9464"
PODS = ("llm-0", "llm-1")

_WORKER_PODS = 2

MakePeer = Callable[[Site, Sequence[Family]], Peer]


class Joined(Programs):
    """All of it."""

    def __init__(self, peer: Peer, environment: Path) -> None:
        """`environment` is what `bronzewillow.testing.lab.environment` has made."""
        super().__init__(peer.site.mac, peer.site.folder / "run", environment)
        self.peer = peer
        self.worker = peer.site.worker
        self.pods = peer.site.pods
        self.kubectl = Kubectl(self.mac, peer.site.folder)

    def __str__(self) -> str:
        return f"{self.peer.cni} {' '.join(str(family.version) for family in self.peer.families)}"

    @property
    def pod(self) -> Namespace:
        """The first pod on the worker."""
        return self.pods[0]

    def serve_cluster(self, program: Path) -> None:
        """Start the API server. `program` runs as root from the working tree: it is none of the product's."""
        documents = self.peer.site.folder / "documents.json"
        documents.write_text(json.dumps([*self.peer.documents(), *self._services(), *self.pod_documents()]))
        argv = [sys.executable, str(program), self.peer.cni.value, str(documents), str(self.folder)]
        server = Child("cluster", self.mac, argv, self.peer.site.folder, dict(os.environ))
        self.children.append(server)
        server.wait_line("ready")

    def lease(self) -> None:
        """Give our pods their addresses, as the CNI plugin does."""
        leases = self.folder / "leases"
        _own(leases)
        for number, name in enumerate(PODS):
            sockets = self._sockets(number)
            _own(sockets)
            for family in self.peer.families:
                address = self.peer.mac_pods(family)[number]
                known = f"sandbox-{number}", "eth0", "llm", f"default/{name}", str(sockets)
                lease = Lease(address, *known, password=f"password-{number}")
                path = leases / f"{ip_address(address)}.json"
                path.write_text(json.dumps(asdict(lease)))
                os.chown(path, NOBODY, NOBODY)

    def start_files(self) -> None:
        """A file server for our pods, and one in each of the worker's."""
        server = ("python", "-m", "bronzewillow.testing.lab.files")
        sockets = [self._sockets(number) for number in range(len(PODS))]
        names = (f"{TARGET_PORT}.sock", f"{FILES_PORT}.tcp.sock")
        self.start("files", *server, *(f"unix:{folder / name}" for folder in sockets for name in names))
        for number, pod in enumerate(self.pods):
            addresses = [self.peer.worker_pods(family)[number] for family in self.peer.families]
            places = [f"[{one}]:{TARGET_PORT}" if ":" in one else f"{one}:{TARGET_PORT}" for one in addresses]
            self.start(f"files-{number}", *server, *places, namespace=pod)

    def start_agent(self, *, ready: str = "") -> Child:
        """Our agent, which knows its cluster and its leases and nothing else; `ready`: what it says then."""
        argv = ("agent", "--kubeconfig", str(self.folder / "kubeconfig"), "--control", str(self.control))
        options = ("--leases", str(self.folder / "leases"), "--outlet", OUTLET, "--metrics", METRICS)
        named = ("--node-name", MAC_NODE, *self.peer.agent_options)
        # it is ready when it has an overlay, for which others may have to do something first
        ready = ready or f"the cluster's network is {self.peer.cni}"
        return self.start("agent", "bronzewillow", *argv, *options, *named, ready=ready)

    def follow(self) -> None:
        """Wait until the worker knows our node, by what was published."""
        wait_until(self._is_followed, "the worker knows our node by what was published")
        # nobody comes in before the agent has compiled the policies of a new pod
        wait_until(self._answer, "our pods answer")

    @property
    def agent_log(self) -> str:
        """What our agent has said."""
        return next(child.log for child in self.children if child.name == "agent")

    def drops(self) -> dict[str, int]:
        """What the agent has dropped, by reason."""
        found: dict[str, int] = self.status()["drops"]
        return found

    def ask(self, namespace: Namespace, url: str, *options: str) -> Any:
        """JSON that is at `url`, by curl."""
        return json.loads(namespace.run("curl", "-gsSf", "-m", "15", *options, url, timeout_s=20))

    def through_pod(self, number: int) -> tuple[str, str]:
        """Options by which curl goes out as one of our pods, as its containers would."""
        outlet = self.status()["outlets"]["pods"]
        return "-x", f"http://sandbox-{number}:password-{number}@{outlet}"

    def pod_documents(self) -> list[Document]:
        """Our pods, as the cluster has them."""
        return [self._pod(number, name) for number, name in enumerate(PODS)]

    # ---- inside

    def _is_followed(self) -> bool:
        cluster = self.kubectl.cluster(self.peer.cni)
        for resource, name, body in self.peer.operate(cluster):
            self.kubectl.patch(resource, name, body)
        return self.peer.follow(cluster)

    def _answer(self) -> bool:
        urls = [
            family.url(address, TARGET_PORT, "/client")
            for family in self.peer.families
            for address in self.peer.mac_pods(family)
        ]
        return not self.pod.attempt("curl", "-gsf", "-m", "2", *urls).returncode

    def _sockets(self, number: int) -> Path:
        return self.folder / "pods" / PODS[number]

    def _services(self) -> list[Document]:
        families = self.peer.families
        found = [
            service("llm", families, [family.service for family in families]),
            service("web", families, [family.web for family in families]),
        ]
        for family in families:
            found.append(endpoint_slice("llm", family, self.peer.mac_pods(family)))
            found.append(endpoint_slice("web", family, self.peer.worker_pods(family)))
            alone = f"web-v{family.version}"
            found.append(service(alone, [family], [family.web_alone]))
            found.append(endpoint_slice(alone, family, self.peer.worker_pods(family)))
        return found

    def _pod(self, number: int, name: str) -> Document:
        addresses = [self.peer.mac_pods(family)[number] for family in self.peer.families]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": "default", "name": name, "labels": {"app": "llm"}},
            "spec": {"nodeName": MAC_NODE, "containers": [{"name": "llm", "image": "llm"}]},
            "status": {
                "phase": "Running",
                "podIP": addresses[0],
                "podIPs": [{"ip": address} for address in addresses],
            },
        }


@contextmanager
def joined(
    make_peer: MakePeer,
    families: Sequence[Family],
    environment: Path,
    program: Path,
    on_made: Callable[[Joined], None] = lambda _: None,
    place: Place = on_this_kernel,
) -> Iterator[Joined]:
    """A lab in which pods reach each other. `program` serves the cluster; `on_made` sees it come up."""
    with namespaces() as (create, folder), place(create, folder, _WORKER_PODS) as site:
        peer = make_peer(site, families)
        worker = site.worker
        lab = Joined(peer, environment)
        on_made(lab)
        lab.prepare()
        peer.lay_underlay()
        peer.lay()
        for family in peer.families:
            add_services(worker, family, peer.mac_pods(family))
        lab.serve_cluster(program)
        lab.lease()
        lab.start_files()
        lab.start_agent()
        lab.follow()
        yield lab


def _own(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)
    for path in (folder.parent, folder):
        os.chown(path, NOBODY, NOBODY)
