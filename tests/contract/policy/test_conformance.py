"""The cases of Kubernetes' own NetworkPolicy conformance list, restated on three namespaces of three pods.

Namespaces x, y and z have pods a, b and c, which listen on 80 and 81 of TCP and UDP, named `serve-80-tcp` and so on.
A case is policies in YAML, and a predicate that says which connections pass.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pytest
import yaml

from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.enforcer import Enforcer
from bronzewillow.policy.rules import Direction
from bronzewillow.policy.world import PolicyPod, World

NAMESPACES = ("x", "y", "z")
PODS = ("a", "b", "c")


def address(namespace: str, pod: str) -> bytes:
    return bytes((10, 244, NAMESPACES.index(namespace), 1 + PODS.index(pod)))


def world(
    policies: str,
    pod_labels: Mapping[tuple[str, str], Mapping[str, str]] = MappingProxyType({}),
    namespace_labels: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> World:
    """The scene; labels that are given come to those that all have."""
    ports = tuple((f"serve-{n}-{kind.lower()}", kind, n) for n in (80, 81) for kind in ("TCP", "UDP"))
    pods = tuple(
        PolicyPod(
            namespace,
            pod,
            {"pod": pod, **pod_labels.get((namespace, pod), {})},
            (address(namespace, pod),),
            ports,
        )
        for namespace, pod in itertools.product(NAMESPACES, PODS)
    )
    labels = {
        name: {"ns": name, "kubernetes.io/metadata.name": name, **namespace_labels.get(name, {})}
        for name in NAMESPACES
    }
    return World(pods, labels, tuple(_policy(p) for p in yaml.safe_load_all(policies) if p))


def _policy(short: dict[str, object]) -> dict[str, object]:
    namespace, spec = short.get("in", "x"), {key: value for key, value in short.items() if key != "in"}
    name = "-".join(str(key) for key in spec)
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"podSelector": {}, **spec}}


@dataclass(frozen=True)
class Try:
    """A connection from pod `s` of namespace `sn` to pod `d` of `dn`."""

    sn: str
    s: str
    dn: str
    d: str
    port: int
    protocol: str

    @property
    def is_loop(self) -> bool:
        """A pod always reaches itself."""
        return (self.sn, self.s) == (self.dn, self.d)

    @property
    def into_x(self) -> bool:
        return self.dn == "x"

    @property
    def from_x(self) -> bool:
        return self.sn == "x"

    @property
    def into_xa(self) -> bool:
        return (self.dn, self.d) == ("x", "a")

    @property
    def from_xa(self) -> bool:
        return (self.sn, self.s) == ("x", "a")


Rule = Callable[[Try], bool]
XA = "podSelector: {matchLabels: {pod: a}}"

CASES: dict[str, tuple[str, Rule]] = {
    "no policy": ("", lambda t: True),
    "default deny ingress": ("policyTypes: [Ingress]", lambda t: not t.into_x),
    "default deny ingress, said with an empty list": (
        "{ingress: [], policyTypes: [Ingress]}",
        lambda t: not t.into_x,
    ),
    "default deny egress": ("policyTypes: [Egress]", lambda t: not t.from_x),
    "default deny all": ("policyTypes: [Ingress, Egress]", lambda t: not t.into_x and not t.from_x),
    "without types ingress is meant": (XA, lambda t: not t.into_xa),
    "without types egress is meant where it is spoken of": (
        f"{{{XA}, egress: [{{to: [{{podSelector: {{matchLabels: {{pod: b}}}}}}]}}]}}",
        lambda t: not t.into_xa and (not t.from_xa or (t.dn, t.d) == ("x", "b")),
    ),
    "a policy of another namespace says nothing": (
        "{in: y, policyTypes: [Ingress]}",
        lambda t: t.dn != "y",
    ),
    "allow all ingress": ("{ingress: [{}], policyTypes: [Ingress]}", lambda t: True),
    "allow all egress": ("{egress: [{}], policyTypes: [Egress]}", lambda t: True),
    "allow beats deny": ("policyTypes: [Ingress]\n---\ningress: [{}]", lambda t: True),
    "an empty from is everybody": ("ingress: [{from: []}]", lambda t: True),
    "an empty podSelector is the own namespace": (
        "ingress: [{from: [{podSelector: {}}]}]",
        lambda t: not t.into_x or t.from_x,
    ),
    "an empty namespaceSelector is every namespace": (
        "ingress: [{from: [{namespaceSelector: {}}]}]",
        lambda t: True,
    ),
    "a pod selector by label": (
        f"{{{XA}, ingress: [{{from: [{{podSelector: {{matchLabels: {{pod: c}}}}}}]}}]}}",
        lambda t: not t.into_xa or (t.sn, t.s) == ("x", "c"),
    ),
    "a pod selector by expression": (
        "ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]",
        lambda t: not t.into_x or (t.from_x and t.s in "bc"),
    ),
    "a pod selector by NotIn": (
        "ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: NotIn, values: [a]}]}}]}]",
        lambda t: not t.into_x or (t.from_x and t.s != "a"),
    ),
    "a pod selector by Exists": (
        "ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: Exists}]}}]}]",
        lambda t: not t.into_x or t.from_x,
    ),
    "a pod selector by DoesNotExist": (
        "ingress: [{from: [{podSelector: {matchExpressions: [{key: pod, operator: DoesNotExist}]}}]}]",
        lambda t: not t.into_x,
    ),
    "a namespace selector by label": (
        "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}]}]",
        lambda t: not t.into_x or t.sn == "y",
    ),
    "a namespace selector by the name that every namespace has": (
        "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}]}]",
        lambda t: not t.into_x or t.sn == "z",
    ),
    "a namespace selector by expression": (
        "ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}}]}]",
        lambda t: not t.into_x or not t.from_x,
    ),
    "namespace and pod selector in one peer must both match": (
        "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: b}}}]}]",
        lambda t: not t.into_x or (t.sn, t.s) == ("y", "b"),
    ),
    "namespace and pod selector in two peers: one suffices": (
        "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}, {podSelector: {matchLabels: {pod: b}}}]}]",
        lambda t: not t.into_x or t.sn == "y" or (t.sn, t.s) == ("x", "b"),
    ),
    "several rules of one policy add up": (
        "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}, {from: [{namespaceSelector: {matchLabels: {ns: z}}}]}]",
        lambda t: not t.into_x or (t.sn, t.s) == ("x", "b") or t.sn == "z",
    ),
    "several policies add up": (
        "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]\n---\n"
        "{policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {ns: z}}}]}]}",
        lambda t: not t.into_x or (t.sn, t.s) == ("x", "b") or t.sn == "z",
    ),
    "nobody matches a selector that no pod has": (
        "ingress: [{from: [{podSelector: {matchLabels: {pod: nobody}}}]}]",
        lambda t: not t.into_x,
    ),
    "a port": (
        "ingress: [{ports: [{port: 80}]}]",
        lambda t: not t.into_x or (t.port, t.protocol) == (80, "TCP"),
    ),
    "a port of UDP": (
        "ingress: [{ports: [{port: 80, protocol: UDP}]}]",
        lambda t: not t.into_x or (t.port, t.protocol) == (80, "UDP"),
    ),
    "every port of a protocol": (
        "ingress: [{ports: [{protocol: UDP}]}]",
        lambda t: not t.into_x or t.protocol == "UDP",
    ),
    "several ports": (
        "ingress: [{ports: [{port: 80}, {port: 81, protocol: UDP}]}]",
        lambda t: not t.into_x or (t.port, t.protocol) in ((80, "TCP"), (81, "UDP")),
    ),
    "a range of ports": (
        "ingress: [{ports: [{port: 81, endPort: 90}]}]",
        lambda t: not t.into_x or (t.port, t.protocol) == (81, "TCP"),
    ),
    "a named port of ours": (
        "ingress: [{ports: [{port: serve-81-tcp}]}]",
        lambda t: not t.into_x or (t.port, t.protocol) == (81, "TCP"),
    ),
    "a name has the protocol that it was given": (
        "ingress: [{ports: [{port: serve-81-udp, protocol: TCP}]}]",
        lambda t: not t.into_x,
    ),
    "a name that nobody has": ("ingress: [{ports: [{port: metrics}]}]", lambda t: not t.into_x),
    "peer and port must both match": (
        "ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 81}]}]",
        lambda t: not t.into_x or (t.sn == "y" and (t.port, t.protocol) == (81, "TCP")),
    ),
    "egress to a pod": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{to: [{{podSelector: {{matchLabels: {{pod: b}}}}}}]}}]}}",
        lambda t: not t.from_xa or (t.dn, t.d) == ("x", "b"),
    ),
    "egress to a namespace and port": (
        "{policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 80}]}]}",
        lambda t: not t.from_x or (t.dn == "y" and (t.port, t.protocol) == (80, "TCP")),
    ),
    "egress to a named port of the peer": (
        "{policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: serve-80-tcp}]}]}",
        lambda t: not t.from_x or (t.port, t.protocol) == (80, "TCP"),
    ),
    "egress to anybody's named port": (
        "{policyTypes: [Egress], egress: [{ports: [{port: serve-81-udp, protocol: UDP}]}]}",
        lambda t: not t.from_x or (t.port, t.protocol) == (81, "UDP"),
    ),
    "an ipBlock from": (
        "ingress: [{from: [{ipBlock: {cidr: 10.244.1.0/24}}]}]",
        lambda t: not t.into_x or t.sn == "y",
    ),
    "an ipBlock of one address": (
        "ingress: [{from: [{ipBlock: {cidr: 10.244.1.2/32}}]}]",
        lambda t: not t.into_x or (t.sn, t.s) == ("y", "b"),
    ),
    "an ipBlock with a hole": (
        "ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.0/24, 10.244.2.2/32]}}]}]",
        lambda t: not t.into_x or t.from_x or (t.sn == "z" and t.s != "b"),
    ),
    "what one block leaves out another may let in": (
        "ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.1.0/24]}}, {ipBlock: {cidr: 10.244.1.1/32}}]}]",
        lambda t: not t.into_x or t.sn != "y" or t.s == "a",
    ),
    "an ipBlock to": (
        "{policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.2.0/24}}]}]}",
        lambda t: not t.from_x or t.dn == "z",
    ),
    "a block of the other family holds nobody": (
        "ingress: [{from: [{ipBlock: {cidr: 'fd00::/8'}}]}]",
        lambda t: not t.into_x,
    ),
    "ingress and egress of one policy": (
        f"{{{XA}, policyTypes: [Ingress, Egress], ingress: [{{from: [{{namespaceSelector: {{}}}}]}}],"
        " egress: [{ports: [{port: 80}]}]}",
        lambda t: not t.from_xa or (t.port, t.protocol) == (80, "TCP"),
    ),
    "both ends must agree": (
        "{policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: y}}}]}]}\n---\n"
        "{in: y, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}",
        lambda t: (not t.from_x or t.dn == "y") and (t.dn != "y" or t.sn == "y"),
    ),
    "SCTP is not taken for TCP": (
        "ingress: [{ports: [{port: 80, protocol: SCTP}]}]",
        lambda t: not t.into_x,
    ),
    "a policy that allows SCTP isolates all the same, and others add to it": (
        f"{{{XA}, ingress: [{{ports: [{{port: 80, protocol: SCTP}}]}}]}}\n---\n"
        f"{{{XA}, policyTypes: [Ingress], ingress: [{{from: [{{podSelector: {{matchLabels: {{pod: c}}}}}}]}}]}}",
        lambda t: not t.into_xa or (t.sn, t.s) == ("x", "c"),
    ),
    "where UDP is allowed TCP is not": (
        f"{{{XA}, ingress: [{{ports: [{{port: 81, protocol: UDP}}]}}]}}",
        lambda t: not t.into_xa or (t.port, t.protocol) == (81, "UDP"),
    ),
    "denied for all, and one of them let in": (
        "policyTypes: [Ingress]\n---\n" + f"{{{XA}, ingress: [{{}}]}}",
        lambda t: not t.into_x or t.into_xa,
    ),
    "several selectors of several peers": (
        "ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]},"
        " podSelector: {matchExpressions: [{key: pod, operator: In, values: [a, b]}]}},"
        " {podSelector: {matchLabels: {pod: c}}}]}]",
        lambda t: not t.into_x or (t.sn != "x" and t.s in "ab") or (t.sn, t.s) == ("x", "c"),
    ),
    "any of several pod selectors": (
        "ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}, {podSelector: {matchLabels: {pod: c}}}]}]",
        lambda t: not t.into_x or (t.from_x and t.s in "bc"),
    ),
    "one pod of another namespace alone": (
        f"{{{XA}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{ns: y}}}},"
        " podSelector: {matchLabels: {pod: a}}}]}]}",
        lambda t: not t.into_xa or (t.sn, t.s) == ("y", "a"),
    ),
    "policies with selectors that overlap": (
        f"{{{XA}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{ns: y}}}}}}], ports: [{{port: 80}}]}}]}}\n---\n"
        "{podSelector: {matchExpressions: [{key: pod, operator: In, values: [a, b]}]},"
        " policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 81}]}]}",
        lambda t: (
            not (t.into_x and t.d in "ab")
            or (t.sn == "y" and t.protocol == "TCP" and (t.port == 81 or t.d == "a"))
        ),
    ),
    "a named port for one namespace": (
        f"{{{XA}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{ns: y}}}}}}], ports: [{{port: serve-80-tcp}}]}}]}}",
        lambda t: not t.into_xa or (t.sn == "y" and (t.port, t.protocol) == (80, "TCP")),
    ),
    "other namespaces are kept out": (
        f"{{{XA}, ingress: [{{from: [{{podSelector: {{}}}}]}}]}}",
        lambda t: not t.into_xa or t.from_x,
    ),
    "egress of one pod is denied": (f"{{{XA}, policyTypes: [Egress]}}", lambda t: not t.from_xa),
    "a denied client is not helped by a server that allows": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{ports: [{{port: 80}}]}}]}}\n---\n"
        "{in: y, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}}]}]}",
        lambda t: (not t.from_xa or (t.port, t.protocol) == (80, "TCP")) and (t.dn != "y" or t.sn == "x"),
    ),
    "egress to a pod of another namespace": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{to: [{{namespaceSelector: {{matchLabels: {{ns: y}}}},"
        " podSelector: {matchLabels: {pod: a}}}]}]}",
        lambda t: not t.from_xa or (t.dn, t.d) == ("y", "a"),
    ),
    "of several egress policies the one that allows all decides": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{ports: [{{port: 80}}]}}]}}\n---\n"
        f"{{{XA}, policyTypes: [Egress], egress: [{{}}]}}",
        lambda t: True,
    ),
    "egress to a block with a hole": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {{cidr: 10.244.0.0/22, except: [10.244.1.1/32]}}}}]}}]}}",
        lambda t: not t.from_xa or (t.dn, t.d) != ("y", "a"),
    ),
    "what an egress block leaves out another policy may let through": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {{cidr: 10.244.1.0/24, except: [10.244.1.2/32]}}}}]}}]}}\n---\n"
        f"{{{XA}, policyTypes: [Egress], egress: [{{to: [{{ipBlock: {{cidr: 10.244.1.2/32}}}}]}}]}}",
        lambda t: not t.from_xa or t.dn == "y",
    ),
    "ingress and egress of a pod are two things": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{to: [{{podSelector: {{matchLabels: {{pod: b}}}}}}]}}]}}\n---\n"
        f"{{{XA}, policyTypes: [Ingress], ingress: [{{from: [{{podSelector: {{matchLabels: {{pod: c}}}}}}]}}]}}",
        lambda t: (
            (not t.from_xa or (t.dn, t.d) == ("x", "b")) and (not t.into_xa or (t.sn, t.s) == ("x", "c"))
        ),
    ),
    "a range of ports of egress": (
        f"{{{XA}, policyTypes: [Egress], egress: [{{ports: [{{port: 70, endPort: 80}}]}}]}}",
        lambda t: not t.from_xa or (t.port, t.protocol) == (80, "TCP"),
    ),
    "a malformed hole lets nothing through": (
        "ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16, except: [nonsense]}}]}]",
        lambda t: not t.into_x,
    ),
}


def check(enforcer: Enforcer, found: World, passes: Rule) -> None:
    """Every connection of the scene."""
    own = {address(ns, pod): f"{ns}/{pod}" for ns in NAMESPACES for pod in PODS}
    enforcer.take(compile_node(found, own, ()))
    tries = [
        Try(*ends, port, kind)
        for ends in itertools.product(NAMESPACES, PODS, NAMESPACES, PODS)
        for port in (80, 81)
        for kind in ("TCP", "UDP")
    ]
    for t in tries:
        source, destination = address(t.sn, t.s), address(t.dn, t.d)
        out = enforcer.decide(Direction.EGRESS, source, destination, t.protocol, t.port)
        into = enforcer.decide(Direction.INGRESS, destination, source, t.protocol, t.port)
        passed = out.allowed and into.allowed
        assert passed == (passes(t) or t.is_loop), (t, str(ipaddress.ip_address(source)))


@pytest.mark.parametrize("name", CASES)
def test_conformance(name: str) -> None:
    policies, passes = CASES[name]
    check(Enforcer(), world(policies), passes)


def everybody(t: Try) -> bool:
    return True


def nobody_into_xa(t: Try) -> bool:
    return not t.into_xa


FROM_LABELLED = (
    f"{{{XA}, ingress: [{{from: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{let: in}}}}}}]}}]}}"
)
FROM_TEAM = f"{{{XA}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: red}}}}}}]}}]}}"
TO_LABELLED = "{podSelector: {matchLabels: {shut: 'yes'}}, policyTypes: [Ingress]}"

CHANGES: dict[str, list[tuple[World, Rule]]] = {
    "a policy is made, changed and deleted": [
        (world(""), everybody),
        (world(f"{{{XA}, policyTypes: [Ingress]}}"), nobody_into_xa),
        (
            world(f"{{{XA}, ingress: [{{ports: [{{port: 81}}]}}]}}"),
            lambda t: not t.into_xa or (t.port, t.protocol) == (81, "TCP"),
        ),
        (world(""), everybody),
    ],
    "a client gets a label and loses it": [
        (world(FROM_LABELLED), nobody_into_xa),
        (
            world(FROM_LABELLED, {("y", "b"): {"let": "in"}}),
            lambda t: not t.into_xa or (t.sn, t.s) == ("y", "b"),
        ),
        (world(FROM_LABELLED), nobody_into_xa),
    ],
    "a namespace gets a label and loses it": [
        (world(FROM_TEAM), nobody_into_xa),
        (world(FROM_TEAM, namespace_labels={"z": {"team": "red"}}), lambda t: not t.into_xa or t.sn == "z"),
        (world(FROM_TEAM), nobody_into_xa),
    ],
    "a server gets a label and loses it": [
        (world(TO_LABELLED), everybody),
        (world(TO_LABELLED, {("x", "a"): {"shut": "yes"}}), nobody_into_xa),
        (world(TO_LABELLED), everybody),
    ],
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_is_enforced_at_once(name: str) -> None:
    enforcer = Enforcer()
    for found, passes in CHANGES[name]:
        check(enforcer, found, passes)


def test_there_are_as_many_cases_as_there_should_be() -> None:
    assert len(CASES) + len(CHANGES) >= 70
