"""Names of cluster DNS: what they may mean, without asking a server.

Source: kubernetes/dns, specification.md; a pod's search list: kubernetes/kubernetes, pkg/kubelet/network/dns.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

DOMAIN = "cluster.local"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DASHED = re.compile(r"[0-9a-f-]{3,39}")


@dataclass(frozen=True, slots=True)
class ServiceName:
    """A Service, or one pod of a headless one."""

    namespace: str
    name: str
    host: str = ""
    """The pod's own name in front of a headless Service's; empty for the Service."""


def meanings(text: str, namespace: str = "default", domain: str = DOMAIN) -> Iterator[ServiceName]:
    """What `text` may mean to a program of `namespace`, in the order of a pod's search list.

    `svc`, `svc.ns`, `svc.ns.svc`, `svc.ns.svc.cluster.local`, all with a pod's name in front, too. Which of
    them there is, is not known here: `svc.ns` may be a host of the world.
    """
    ending = ("svc", *domain.lower().split("."))
    labels = tuple(text.lower().removesuffix(".").split("."))
    if not all(_LABEL.fullmatch(label) for label in labels):
        return
    whole = [labels] if text.endswith(".") else [(*labels, *more) for more in _search(namespace, ending)]
    for one in dict.fromkeys([*whole, labels]):
        rest = one[: -len(ending)]
        if one[-len(ending) :] == ending and len(rest) in (2, 3):
            *host, name, of = rest
            yield ServiceName(of, name, host[0] if host else "")


def _search(namespace: str, ending: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield (namespace, *ending)
    yield ending
    yield ending[1:]


def pod_address(text: str, domain: str = DOMAIN) -> bytes | None:
    """The address in `10-244-1-5.ns.pod.cluster.local`, or in `10-244-1-5.ns.pod`."""
    labels = text.lower().removesuffix(".").removesuffix(f".{domain}").split(".")
    return parse_dashed(labels[0]) if len(labels) == 3 and labels[2] == "pod" else None


def parse_dashed(label: str) -> bytes | None:
    """The address in a label such as `10-244-1-5`, of either family."""
    if not _DASHED.fullmatch(label):
        return None
    for mark in ".:":
        try:
            return ipaddress.ip_address(label.replace("-", mark)).packed
        except ValueError:
            continue
    return None
