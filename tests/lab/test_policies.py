"""NetworkPolicies that change while pods are asked: real clients behind the kernel's VXLAN.

Our pods are `llm-0` and `llm-1`; the worker's are `client-0` and `client-1`, each in a namespace of its own.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bronzewillow.adapters.network import Cni
from bronzewillow.kube.resources import NAMESPACES, NETWORK_POLICIES, PODS
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.joined import FILES_PORT, METRICS, OUTLET
from bronzewillow.testing.lab.netns import LabError, Namespace
from bronzewillow.testing.lab.peers.cases import Placed
from bronzewillow.testing.lab.peers.kube_proxy import NODE_PORT, SERVICE_PORT, TARGET_PORT
from bronzewillow.testing.lab.peers.peer import WORKER_NODE
from bronzewillow.testing.lab.programs import ask_control

pytestmark = [pytest.mark.lab, pytest.mark.cni(Cni.FLANNEL)]

LLM = {"podSelector": {"matchLabels": {"app": "llm"}}}
FIRST = {"podSelector": {"matchLabels": {"client": "0"}}}
NO_ANSWER, CUT = 28, (18, 56)
"""curl's exit codes: it waited too long; the transfer ended early."""
PATIENCE_S, SILENCE_S = 25, 2
"""How long an answer is waited for, and how long none is."""
_CLIENTS = ("client-0", "client-1")


class Policed:
    """A Mac in a cluster whose policies a test makes."""

    def __init__(self, placed: Placed) -> None:
        self.placed, self.lab, self.kubectl = placed, placed.lab, placed.lab.kubectl

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """A policy of namespace default."""
        self.kubectl.create(
            NETWORK_POLICIES, {"metadata": {"namespace": "default", "name": name}, "spec": spec}
        )

    def forget(self) -> None:
        """No policies any more."""
        for policy in self.kubectl.items(NETWORK_POLICIES):
            self.kubectl.delete(NETWORK_POLICIES, policy["metadata"]["name"], "default")

    def explain(self, source: str, destination: str, port: int = TARGET_PORT) -> bool:
        """What the agent says of a connection."""
        asked = urlencode({"source": source, "destination": destination, "port": port})
        found: bool = ask_control(self.lab.control, f"/explain?{asked}")["allowed"]
        return found

    def lets_in(self, pod: str) -> bool:
        """Whether the agent knows this pod of namespace default, and that it may ask ours."""
        argv = ("policy", "explain", f"default/{pod}", "default/llm-0", str(TARGET_PORT))
        try:
            return self.lab.run_cli(*argv).startswith("allowed")
        except LabError:
            return False

    def until(self, allowed: bool, source: str, destination: str, port: int = TARGET_PORT) -> None:
        """Wait until the agent has taken what was changed."""
        what = f"{source} to {destination}:{port} is {'allowed' if allowed else 'denied'}"
        wait_until(lambda: self.explain(source, destination, port) is allowed, what)

    def url(self, address: str, port: int = TARGET_PORT) -> str:
        """Says who asks."""
        return self.placed.url(address, port, "/client")

    def assert_may_ask(
        self, client: int, port: int = TARGET_PORT, pod: int = 0, *, allowed: bool = True
    ) -> None:
        """A pod of the worker is answered by one of ours, or is not."""
        url = self.url(self.placed.mac_pods[pod], port)
        self.assert_reaches(self.lab.pods[client], url, allowed=allowed)

    def assert_reaches(self, namespace: Namespace, url: str, *options: str, allowed: bool = True) -> None:
        """There is an answer, or none; what is denied gets none."""
        limit_s = PATIENCE_S if allowed else SILENCE_S
        result = namespace.attempt("curl", "-gsSf", "-m", str(limit_s), *options, url)
        assert result.returncode == (0 if allowed else NO_ANSWER), result.stderr

    def ask_as_pod(self, url: str, pod: int = 0) -> tuple[int, str]:
        """Status and body of what our pod is answered."""
        said = self.lab.mac.run(
            "curl", "-gsS", "-m", "25", "-w", "\n%{http_code}", *self.lab.through_pod(pod), url
        )
        body, _, status = said.rpartition("\n")
        return int(status), body


@pytest.fixture
def policed(placed: Placed) -> Iterator[Policed]:
    """Without policies before and after; the worker's pods are in the cluster."""
    found = Policed(placed)
    known = {pod["metadata"]["name"] for pod in found.kubectl.items(PODS)}
    for number, name in enumerate(_CLIENTS):
        if name not in known:
            addresses = [placed.peer.worker_pods(family)[number] for family in placed.peer.families]
            labels = {"app": "client", "client": str(number)}
            ips = [{"ip": address} for address in addresses]
            found.kubectl.create(PODS, {
                "metadata": {"namespace": "default", "name": name, "labels": labels},
                "spec": {"nodeName": WORKER_NODE, "containers": [{"name": "c", "image": "c"}]},
                "status": {"phase": "Running", "podIP": addresses[0], "podIPs": ips},
            })  # fmt: skip
            wait_until(partial(found.lets_in, name), f"the agent knows {name}")
    yield found
    found.forget()
    for pod in placed.mac_pods:
        found.until(True, placed.worker_pods[0], pod)
        found.until(True, pod, placed.worker_pods[0])


def test_default_deny_gets_no_answer_and_the_node_itself_does(policed: Policed) -> None:
    policed.assert_may_ask(0)
    policed.assert_may_ask(1)
    before = policed.lab.drops().get("policy_denied", 0)
    policed.apply("deny", {"podSelector": {}, "policyTypes": ["Ingress"]})
    policed.until(False, policed.placed.worker_pods[0], policed.placed.mac_pods[0])
    policed.assert_may_ask(0, allowed=False)
    policed.assert_may_ask(1, FILES_PORT, allowed=False)
    assert policed.lab.drops()["policy_denied"] > before
    # as a kubelet's probes come
    policed.assert_reaches(policed.lab.mac, policed.url(policed.placed.mac_pods[0]), "-x", f"http://{OUTLET}")


def test_a_selected_pod_is_let_in_and_another_is_not(policed: Policed) -> None:
    policed.apply("first", {**LLM, "ingress": [{"from": [FIRST]}]})
    policed.until(False, policed.placed.worker_pods[1], policed.placed.mac_pods[0])
    policed.assert_may_ask(0)
    policed.assert_may_ask(1, allowed=False)


def test_a_label_that_changes_opens_and_shuts(policed: Policed) -> None:
    chosen = {"podSelector": {"matchLabels": {"let": "in"}}}
    policed.apply("labelled", {**LLM, "ingress": [{"from": [chosen]}]})
    client, pod = policed.placed.worker_pods[0], policed.placed.mac_pods[0]
    policed.until(False, client, pod)
    policed.assert_may_ask(0, allowed=False)
    for label, allowed in (("in", True), (None, False)):
        labels = {"metadata": {"labels": {"let": label}}}
        policed.kubectl.patch(PODS, "client-0", labels, "default")
        policed.until(allowed, client, pod)
        policed.assert_may_ask(0, allowed=allowed)


def test_a_namespace_is_chosen_by_labels_that_change(policed: Policed) -> None:
    chosen = {"namespaceSelector": {"matchLabels": {"team": "red"}}, **FIRST}
    policed.apply("namespace", {**LLM, "ingress": [{"from": [chosen]}]})
    client, pod = policed.placed.worker_pods[0], policed.placed.mac_pods[0]
    policed.until(False, client, pod)
    for team, allowed in (("red", True), (None, False)):
        policed.kubectl.patch(NAMESPACES, "default", {"metadata": {"labels": {"team": team}}})
        policed.until(allowed, client, pod)
        policed.assert_may_ask(0, allowed=allowed)
        policed.assert_may_ask(1, allowed=False)


def test_a_block_with_a_hole(policed: Policed) -> None:
    length = ip_network(policed.placed.worker_pods[1]).max_prefixlen
    network = str(ip_network(f"{policed.placed.worker_pods[0]}/{length - 8}", strict=False))
    block = {"cidr": network, "except": [f"{policed.placed.worker_pods[1]}/{length}"]}
    policed.apply("block", {**LLM, "ingress": [{"from": [{"ipBlock": block}]}]})
    policed.until(False, policed.placed.worker_pods[1], policed.placed.mac_pods[0])
    policed.assert_may_ask(0)
    policed.assert_may_ask(1, allowed=False)


def test_ports_by_number_and_range(policed: Policed) -> None:
    client, pod = policed.placed.worker_pods[0], policed.placed.mac_pods[0]
    policed.apply("port", {**LLM, "ingress": [{"ports": [{"port": TARGET_PORT}]}]})
    policed.until(False, client, pod, FILES_PORT)
    policed.assert_may_ask(0)
    policed.assert_may_ask(0, FILES_PORT, allowed=False)
    policed.apply("range", {**LLM, "ingress": [{"ports": [{"port": FILES_PORT - 1, "endPort": FILES_PORT}]}]})
    policed.until(True, client, pod, FILES_PORT)
    policed.assert_may_ask(0, FILES_PORT)


def test_a_policy_for_one_pod_leaves_the_other_alone(policed: Policed) -> None:
    policed.kubectl.patch(PODS, "llm-1", {"metadata": {"labels": {"shut": "yes"}}}, "default")
    policed.apply("one", {"podSelector": {"matchLabels": {"shut": "yes"}}})
    policed.until(False, policed.placed.worker_pods[0], policed.placed.mac_pods[1])
    policed.assert_may_ask(0, pod=0)
    policed.assert_may_ask(0, pod=1, allowed=False)


def test_who_comes_by_a_node_port_is_the_worker(policed: Policed) -> None:
    """Masqueraded on the way, so that policies see the worker's address in the overlay."""
    placed = policed.placed
    url = placed.url(placed.family.worker_out, NODE_PORT, "/client")
    policed.apply("none", {**LLM, "ingress": [{"from": [FIRST]}]})
    policed.until(False, placed.worker_pods[1], placed.mac_pods[0])
    policed.assert_reaches(policed.lab.mac, url, allowed=False)
    source = placed.peer.host_source(placed.family)
    cidr = str(ip_network(source))
    policed.apply("worker", {**LLM, "ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]})
    policed.until(True, source, placed.mac_pods[0])
    policed.assert_reaches(policed.lab.mac, url)


def test_a_transfer_that_a_new_policy_forbids_is_cut_and_another_goes_on(policed: Policed) -> None:
    placed, folder = policed.placed, policed.lab.peer.site.folder
    slow = ("curl", "-gsS", "-m", "600", "--limit-rate", "4M", "-o")
    running: list[subprocess.Popen[bytes]] = []
    files: list[Path] = []
    for pod, size in zip(policed.lab.pods, (40 << 20, 1 << 30), strict=True):  # the other would last minutes
        files.append(folder / f"cut-v{placed.family.version}-{len(files)}")
        url = placed.url(placed.mac_pods[0], FILES_PORT, f"/bytes/{size}")
        running.append(pod.popen(*slow, str(files[-1]), url, stderr=subprocess.DEVNULL))
    wait_until(lambda: all(one.exists() and one.stat().st_size for one in files), "both have begun")
    policed.apply("first", {**LLM, "ingress": [{"from": [FIRST]}]})
    assert running[1].wait(timeout=120) in CUT
    assert running[0].wait(timeout=600) == 0
    metrics = policed.lab.mac.run("curl", "-sSf", "-m", "25", f"http://{METRICS}/metrics")
    labels = 'direction="ingress",pod="default/llm-0",policy="default/first",verdict="cut"'
    assert f"bronzewillow_policy_connections_total{{{labels}}}" in metrics


def test_what_our_pod_opens_is_answered_403_and_what_the_mac_opens_passes(policed: Policed) -> None:
    placed = policed.placed
    url = policed.url(placed.worker_pods[0])
    status, _ = policed.ask_as_pod(url)
    assert status == 200
    policed.apply("no-way-out", {"podSelector": {}, "policyTypes": ["Egress"]})
    policed.until(False, placed.mac_pods[0], placed.worker_pods[0])
    status, body = policed.ask_as_pod(url)
    assert status == 403
    assert body.startswith("NetworkPolicy default/no-way-out isolates default/llm-0 for egress")
    policed.assert_reaches(policed.lab.mac, url, "-x", f"http://{OUTLET}")


def test_our_pod_asks_from_its_own_address_and_by_name(policed: Policed) -> None:
    placed = policed.placed
    # what speaks the pod's address is bound by the other end's policies, too
    for number, address in enumerate(placed.mac_pods):
        status, body = policed.ask_as_pod(policed.url(placed.worker_pods[0]), number)
        assert (status, f'"client": "{address}"' in body) == (200, True)
    for host in ("web", "web.default", "web.default.svc", "web.default.svc.cluster.local"):
        assert policed.ask_as_pod(f"http://{host}/client")[0] == 200


def test_a_service_is_judged_by_the_endpoint_behind_it(policed: Policed) -> None:
    placed = policed.placed
    to_first = {"to": [FIRST], "ports": [{"port": TARGET_PORT}]}
    policed.apply("out", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [to_first]})
    policed.until(False, placed.mac_pods[0], placed.worker_pods[1])
    policed.until(True, placed.mac_pods[0], placed.worker_pods[0])
    url = placed.url(placed.family.web, SERVICE_PORT, "/client")
    found = {policed.ask_as_pod(url)[0] for _ in range(30)}
    assert found == {200, 403}  # one of its two endpoints is not to be reached
    to_both = {"to": [{"podSelector": {"matchLabels": {"app": "client"}}}]}
    policed.apply("both", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [to_both]})
    policed.until(True, placed.mac_pods[0], placed.worker_pods[1])
    assert {policed.ask_as_pod(url)[0] for _ in range(10)} == {200}


def test_hosts_outside_are_let_through_by_block(policed: Policed) -> None:
    """The worker itself, by this machine's own sockets."""
    placed, port = policed.placed, 8081
    outside = placed.family.worker_out
    place = f"[{outside}]:{port}" if ":" in outside else f"{outside}:{port}"
    server = policed.lab.start(
        f"outside-{placed.family.version}", "python", "-m", "bronzewillow.testing.lab.files", place,
        namespace=policed.lab.worker,
    )  # fmt: skip
    try:
        status, body = policed.ask_as_pod(policed.url(outside, port))
        assert (status, f'"client": "{placed.family.mac_out}"' in body) == (200, True)
        policed.apply("inside", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [LLM]}]})
        policed.until(False, placed.mac_pods[0], outside, port)
        assert policed.ask_as_pod(policed.url(outside, port))[0] == 403
        block = {"to": [{"ipBlock": {"cidr": str(ip_network(outside))}}]}
        policed.apply("outside", {"podSelector": {}, "policyTypes": ["Egress"], "egress": [block]})
        policed.until(True, placed.mac_pods[0], outside, port)
        assert policed.ask_as_pod(policed.url(outside, port))[0] == 200
        # its own node is always reached: nobody listens there
        assert policed.ask_as_pod(policed.url(placed.family.mac_out, port))[0] == 502
    finally:
        server.kill()
        policed.lab.children.remove(server)


def test_a_restart_without_an_api_server_opens_no_door(policed: Policed) -> None:
    lab, placed = policed.lab, policed.placed
    policed.apply("first", {**LLM, "ingress": [{"from": [FIRST]}]})
    policed.until(False, placed.worker_pods[1], placed.mac_pods[0])
    state = lab.folder / ".local" / "state" / "bronzewillow" / "policy.json"
    wait_until(lambda: state.exists() and "default/first" in state.read_text(), "rules are kept")
    server, agent = (next(one for one in lab.children if one.name == name) for name in ("cluster", "agent"))
    server.signal(signal.SIGSTOP)
    try:
        agent.kill()
        lab.children.remove(agent)
        lab.start_agent(ready="ready\n")
        policed.assert_may_ask(0)
        policed.assert_may_ask(1, allowed=False)
        policed.assert_reaches(lab.mac, policed.url(placed.mac_pods[0]), "-x", f"http://{OUTLET}")
    finally:
        server.signal(signal.SIGCONT)
        followed = f"the cluster's network is {placed.peer.cni}"
        wait_until(lambda: followed in lab.agent_log, "the agent follows its cluster again", 120)
    policed.forget()
    wait_until(partial(policed.lets_in, "client-1"), "the policy has gone")
    policed.assert_may_ask(1)


def test_who_is_no_pod_does_not_pass_at_the_pods_outlet(policed: Policed) -> None:
    outlet = policed.lab.status()["outlets"]["pods"]
    for credentials in ("", "sandbox-0:guess@"):
        said = policed.lab.mac.run(
            "curl", "-gsS", "-m", "25", "-o", "/dev/null", "-w", "%{http_code}",
            "-x", f"http://{credentials}{outlet}", policed.url(policed.placed.worker_pods[0]),
        )  # fmt: skip
        assert said == "407"


def test_explain_says_what_happens(policed: Policed) -> None:
    policed.apply("first", {**LLM, "ingress": [{"from": [FIRST]}]})
    policed.until(False, policed.placed.worker_pods[1], policed.placed.mac_pods[0])
    explain = ("policy", "explain")
    said = policed.lab.run_cli(*explain, "default/client-0", "default/llm-0", str(TARGET_PORT))
    assert said.startswith("allowed: default/client-0 (")
    assert "ingress allowed by default/first, spec.ingress[0]" in said
    with pytest.raises(LabError, match="exit 1"):
        policed.lab.run_cli(*explain, "default/client-1", "default/llm-0", str(TARGET_PORT))
