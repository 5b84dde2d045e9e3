"""Services as this machine's programs and our pods reach them, by name and address, by HTTP and by SOCKS.

There is no kube-proxy and no cluster DNS in the Mac's namespace, and no resolver that would know such names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bronzewillow.adapters.network import Cni
from bronzewillow.kube.resources import ENDPOINT_SLICES, NODES, SERVICES
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.joined import OUTLET
from bronzewillow.testing.lab.peers.cases import Placed
from bronzewillow.testing.lab.peers.kube_proxy import SERVICE_PORT, TARGET_PORT
from bronzewillow.testing.lab.peers.peer import MAC_NODE, WORKER_NODE

pytestmark = [pytest.mark.lab, pytest.mark.cni(Cni.FLANNEL)]

HTTP, SOCKS = ("-x", f"http://{OUTLET}"), ("--proxy", f"socks5h://{OUTLET}")
by_proxy = pytest.mark.parametrize("proxy", [HTTP, SOCKS], ids=["http", "socks5h"])
_CLUSTER_IPS = {4: "10.96.0.77", 6: "fd00:96::77"}
_ASKED = 24
"""Requests: that one of two endpoints is not among so many is unlikely (1 in 8 million)."""


class Served:
    """A Mac in a cluster, and a Service of the worker's pods that a test makes."""

    def __init__(self, placed: Placed) -> None:
        self.placed, self.lab, self.kubectl = placed, placed.lab, placed.lab.kubectl
        self.pods = placed.worker_pods
        self.made: list[tuple[Any, str]] = []

    def make(self, name: str, endpoints: list[dict[str, Any]], status: int = 200, **spec: Any) -> None:
        """With a ClusterIP, unless `spec` says something else. Returns when its endpoints are known, too.

        `status` is what a call of it comes to then.
        """
        if "type" not in spec:
            spec = {"clusterIP": _CLUSTER_IPS[self.placed.family.version], **spec}
        ports = [{"name": "http", "port": SERVICE_PORT, "targetPort": "http"}]
        kind = f"IPv{self.placed.family.version}"
        body = {"ports": ports, "ipFamilies": [kind], "selector": {}, **spec}
        metadata = {"namespace": "default", "name": name}
        self.kubectl.create(SERVICES, {"metadata": metadata, "spec": body})
        self.made.append((SERVICES, name))
        if spec.get("type") != "ExternalName":
            labels = {"kubernetes.io/service-name": name}
            self.kubectl.create(ENDPOINT_SLICES, {
                "metadata": {**metadata, "labels": labels}, "addressType": kind, "endpoints": endpoints,
                "ports": [{"name": "http", "port": TARGET_PORT, "protocol": "TCP"}],
            })  # fmt: skip
            self.made.append((ENDPOINT_SLICES, name))
        port = TARGET_PORT if spec.get("clusterIP") == "None" else SERVICE_PORT
        url = f"http://{name}:{port}/client"
        wait_until(lambda: self.status(url, *HTTP) == status, f"{name} is known")

    def change(self, name: str, endpoints: list[dict[str, Any]]) -> None:
        """Other endpoints."""
        self.kubectl.patch(ENDPOINT_SLICES, name, {"endpoints": endpoints}, "default")

    def forget(self) -> None:
        """What was made."""
        for resource, name in reversed(self.made):
            self.kubectl.delete(resource, name, "default")

    def status(self, url: str, *options: str) -> int:
        """Of the answer."""
        argv = ("curl", "-gsS", "-m", "25", "-o", "/dev/null", "-w", "%{http_code}", *options, url)
        return int(self.lab.mac.attempt(*argv).stdout or 0)

    def ways(self, url: str, *options: str, asked: int = _ASKED) -> Counter[str]:
        """Who has answered, and how often."""
        return Counter(self.lab.ask(self.lab.mac, url, *options)["way"] for _ in range(asked))

    def until(self, url: str, *expected: str) -> None:
        """Wait until these endpoints answer and no others."""
        wait_until(lambda: set(self.ways(url, *HTTP)) == set(expected), f"{url} is {expected}")


@pytest.fixture
def served(placed: Placed) -> Iterator[Served]:
    """What a test has made is taken away."""
    found = Served(placed)
    yield found
    found.forget()


def endpoint(address: str, *, ready: bool = True, node: str = WORKER_NODE, **more: Any) -> dict[str, Any]:
    return {"addresses": [address], "conditions": {"ready": ready}, "nodeName": node, **more}


def both(served: Served, **more: Any) -> list[dict[str, Any]]:
    return [endpoint(pod, **more) for pod in served.pods]


@by_proxy
@pytest.mark.parametrize(
    "name", ["web", "web.default", "web.default.svc", "web.default.svc.cluster.local", "WEB.default.svc"]
)
def test_by_name(served: Served, name: str, proxy: tuple[str, str]) -> None:
    """Its pods are those of the first family that the Service has."""
    pods = served.placed.peer.worker_pods(served.placed.peer.families[0])
    assert set(served.ways(f"http://{name}/client", *proxy, asked=4)) <= set(pods)


@by_proxy
def test_by_cluster_ip(served: Served, proxy: tuple[str, str]) -> None:
    url = served.placed.url(served.placed.family.web, SERVICE_PORT, "/client")
    assert set(served.ways(url, *proxy)) == set(served.pods)


@by_proxy
def test_our_own_pods_are_reached_by_their_service(served: Served, proxy: tuple[str, str]) -> None:
    url = served.placed.url(served.placed.family.service, SERVICE_PORT, "/client")
    assert all(way.endswith(".sock") for way in served.ways(url, *proxy, asked=4))


def test_a_pod_of_ours_reaches_it_by_socks_too(served: Served) -> None:
    outlet = served.lab.status()["outlets"]["pods"]
    proxy = ("--proxy", f"socks5h://sandbox-0:password-0@{outlet}")
    assert served.status("http://web.default/client", *proxy) == 200
    assert served.status("http://web.default/client", "--proxy", f"socks5h://{outlet}") == 0


def test_a_port_that_the_service_has_not_is_refused(served: Served) -> None:
    url = served.placed.url(served.placed.family.web, 81, "/client")
    assert served.status(url, *HTTP) == 502
    assert served.status("http://web.default:81/client", *HTTP) == 502


def test_pods_of_a_headless_service_have_names(served: Served) -> None:
    first, second = served.pods
    named = [endpoint(first, hostname="zero"), endpoint(second)]
    served.make("headless", named, clusterIP="None")
    assert set(served.ways(f"http://headless:{TARGET_PORT}/client", *HTTP)) == {first, second}
    dashed = second.replace(".", "-").replace(":", "-")
    for host, pod in (("zero.headless", first), (f"{dashed}.headless.default.svc.cluster.local", second)):
        assert set(served.ways(f"http://{host}:{TARGET_PORT}/client", *SOCKS, asked=4)) == {pod}
    assert set(served.ways(f"http://{dashed}.default.pod:{TARGET_PORT}/client", *HTTP, asked=2)) == {second}


def test_an_external_name_is_another_name(served: Served) -> None:
    served.make("elsewhere", [], type="ExternalName", externalName="web.default.svc.cluster.local")
    assert served.status("http://elsewhere.default.svc/client", *SOCKS) == 200


def test_who_is_not_ready_is_not_asked_and_who_ends_is_asked_last(served: Served) -> None:
    first, second = served.pods
    served.make("changing", both(served))
    url = "http://changing/client"
    served.until(url, first, second)
    served.change("changing", [endpoint(first, ready=False), endpoint(second)])
    served.until(url, second)
    ending = {"addresses": [first], "conditions": {"ready": False, "serving": True, "terminating": True}}
    served.change("changing", [ending, endpoint(second, ready=False)])
    served.until(url, first)
    served.change("changing", [endpoint(first, ready=False)])
    wait_until(lambda: served.status(url, *HTTP) == 503, "nobody is ready")


def test_a_client_stays_with_its_endpoint(served: Served) -> None:
    served.make("sticky", both(served), sessionAffinity="ClientIP")
    assert len(served.ways("http://sticky/client", *HTTP)) == 1


def test_a_local_service_does_not_leave_the_node(served: Served) -> None:
    served.make("local", both(served), status=503, internalTrafficPolicy="Local")
    served.change("local", [*both(served), endpoint(served.placed.mac_pods[0], node=MAC_NODE)])
    wait_until(lambda: served.status("http://local/client", *HTTP) == 200, "our own pod serves it")
    assert all(way.endswith(".sock") for way in served.ways("http://local/client", *HTTP, asked=8))


def test_endpoints_of_our_zone_come_first(served: Served) -> None:
    first, second = served.pods
    hinted = [
        endpoint(first, hints={"forZones": [{"name": "a"}]}),
        endpoint(second, hints={"forZones": [{"name": "b"}]}),
    ]
    served.make("zoned", hinted)
    served.until("http://zoned/client", first, second)
    try:
        for zone, pod in (("a", first), ("b", second)):
            labels = {"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}
            served.kubectl.patch(NODES, MAC_NODE, labels)
            served.until("http://zoned/client", pod)
    finally:
        served.kubectl.patch(NODES, MAC_NODE, {"metadata": {"labels": {"topology.kubernetes.io/zone": None}}})
