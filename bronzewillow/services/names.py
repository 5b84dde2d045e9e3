"""Names of cluster DNS: what they mean, without asking a server. Source: kubernetes/dns, specification.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ServiceName:
    """A Service, or one pod of a headless one."""

    namespace: str
    name: str
    host: str = ""
    """The pod's own name in front of a headless Service's; empty for the Service."""


def parse_name(text: str, domain: str = "cluster.local") -> ServiceName | None:
    """`svc.ns`, `svc.ns.svc`, `svc.ns.svc.cluster.local`, the longer ones with a pod's name in front.

    None: something else. Whether there is such a Service is not known here: `svc.ns` may be a host of the
    world. A single label is none of ours: which namespace it would be in, only a pod can tell.
    """
    labels = text.lower().rstrip(".").split(".")
    ending = ["svc", *domain.lower().split(".")]
    for count in range(len(ending), -1, -1):
        if count == 0 or labels[-count:] == ending[:count]:
            rest = labels[: len(labels) - count]
            # without `svc` any name of two labels could be meant, and one of three could be anything
            if len(rest) == 2 or (len(rest) == 3 and count):
                break
    else:
        return None
    if not all(_LABEL.fullmatch(label) for label in rest):
        return None
    *host, name, namespace = rest
    return ServiceName(namespace, name, host[0] if host else "")
