"""One attempt of a probe, one run of a hook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kubelet.model.actions import Probe, RunHook
from kubelet.model.outcomes import Done, Failed, Outcome, Probed, ProbeResult
from kubelet.model.pod_spec import Object, integer, mapping, sequence
from kubelet.probes.door import Door
from kubelet.probes.grpc_health import grpc_probe
from kubelet.probes.http import http_hook, http_probe
from kubelet.probes.ports import PortError
from kubelet.probes.tcp import tcp_probe
from kubelet.provider.errors import RuntimeRefusal

Exec = Callable[[str, Sequence[str], int], Awaitable[tuple[int, str]]]
"""Runs a command in a container, by id, for at most so many seconds: exit code and output. RuntimeRefusal."""
_Network = Callable[[Door, str, Object, Object, float], Awaitable[Probed]]
_NETWORK: Mapping[str, _Network] = {"httpGet": http_probe, "tcpSocket": tcp_probe, "grpc": grpc_probe}


async def attempt(door: Door, run: Exec, action: Probe, address: str, container: Object) -> Outcome:
    """Probed, or Failed when it could not even be tried. `address`: the pod's."""
    try:
        for kind, probe in _NETWORK.items():
            if kind in action.probe:
                return await probe(door, address, mapping(action.probe[kind]), container, action.timeout_s)
        command = sequence(mapping(action.probe.get("exec")).get("command"))
        if not command:
            return Failed("missing probe handler")
        code, output = await run(action.container_id, [str(word) for word in command], action.timeout_s)
    except (PortError, RuntimeRefusal) as error:
        return Failed(str(error))
    return Probed(ProbeResult.FAILURE if code else ProbeResult.SUCCESS, output)


async def run_hook(door: Door, run: Exec, action: RunHook, address: str, container: Object) -> Outcome:
    """Done, or Failed with what a kubelet says."""
    handler, limit_s = action.handler, action.timeout_s
    try:
        if "httpGet" in handler:
            words = await http_hook(door, address, mapping(handler["httpGet"]), container, limit_s)
            return Failed(words) if words else Done()
        if "sleep" in handler:
            seconds = integer(mapping(handler["sleep"]).get("seconds"))
            await asyncio.sleep(min(seconds, limit_s))
            return Done()
        command = [str(word) for word in sequence(mapping(handler.get("exec")).get("command"))]
        if not command:
            return Failed("invalid handler: it has neither httpGet, sleep nor exec")
        code, output = await run(action.container_id, command, limit_s)
    except (PortError, RuntimeRefusal) as error:
        return Failed(str(error))
    return Failed(f"command '{' '.join(command)}' exited with {code}: {output}") if code else Done()
