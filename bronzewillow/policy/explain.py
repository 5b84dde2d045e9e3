"""Why a connection passes or does not, in words: `bronzewillow policy explain`."""

from __future__ import annotations

import ipaddress

from bronzewillow.policy.compile import compile_rules
from bronzewillow.policy.rules import OPEN, Direction, Verdict
from bronzewillow.policy.world import PolicyPod, World


def explain(world: World, source: bytes, destination: bytes, port: int, protocol: str = "TCP") -> list[str]:
    """Both ends' verdicts, a line each, and the sum of them."""
    pods = {address: pod for pod in world.pods for address in pod.addresses}
    lines: list[str] = []
    allowed = True
    for direction, own, peer in (
        (Direction.EGRESS, source, destination),
        (Direction.INGRESS, destination, source),
    ):
        pod = pods.get(own)
        rules = compile_rules(world, pod) if pod is not None else OPEN
        verdict = rules.verdict(direction, peer, protocol, port)
        allowed = allowed and verdict.allowed
        lines.append(f"{direction.value:8}{_who(pod, own)}: {_why(verdict, pod)}")
    ends = f"{_who(pods.get(source), source)} -> {_who(pods.get(destination), destination)}"
    return [*lines, f"{'allowed' if allowed else 'denied'}: {ends} {protocol} {port}"]


def _why(verdict: Verdict, pod: PolicyPod | None) -> str:
    if pod is None:
        return "allowed, as it is no pod"
    if not verdict.policy:
        return "allowed, as no policy selects it"
    if verdict.allowed:
        return f"allowed by rule {verdict.rule} of {verdict.policy}"
    return f"denied: isolated by {verdict.policy}, and no rule of them matches"


def _who(pod: PolicyPod | None, address: bytes) -> str:
    text = str(ipaddress.ip_address(address))
    return f"{pod} ({text})" if pod is not None else text
