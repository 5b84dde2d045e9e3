"""What the agent tells of itself: plain values, ready for JSON."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bronzewillow.agent.addresses import address_text, endpoint_text, prefix_text
from bronzewillow.agent.datagram import DatagramSocket, Rung
from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.overlay.spec import OverlaySpec, Peer, node_address
from bronzewillow.overlay.vtep import Vtep
from bronzewillow.stack import Connection, Stack, State
from bronzewillow.wire.kernel import NATIVE

Json = dict[str, Any]


def status(net: Net, pods: Pods) -> Json:
    """The node, its peers, its pods, and everything that was dropped."""
    node = net.node
    vteps = [underlay.vtep for underlay in node.underlays]
    names = pods.names
    return {
        "overlays": [_overlay(vtep.spec) for vtep in vteps],
        "datagram_io": datagram_io([underlay.socket for underlay in node.underlays]),
        "native_kernel": NATIVE,
        "datagrams": {
            "in": sum(vtep.datagrams_in for vtep in vteps),
            "out": sum(vtep.datagrams_out for vtep in vteps),
            "bytes_in": sum(vtep.bytes_in for vtep in vteps),
            "bytes_out": sum(vtep.bytes_out for vtep in vteps),
        },
        "peers": [_peer(vtep, peer, node.clock.now()) for vtep in vteps for peer in vtep.spec.peers],
        "pods": [
            {
                "name": names.get(address, "node"),
                "address": address_text(address),
                "connections": _count_open(stack),
                "time_wait": _count(stack, State.TIME_WAIT),
                "counters": asdict(stack.counters),
            }
            for address, stack in node.stacks.items()
        ],
        "drops": dict(sorted(drops(net).items())),
        "transports": net.open_connections,
        "tasks": len(asyncio.all_tasks()),
    }


def _overlay(spec: OverlaySpec) -> Json:
    return {
        "encap": spec.encap.value,
        "address": address_text(spec.address),
        "port": spec.port,
        "vni": spec.vni,
        "pod_cidrs": [prefix_text(cidr) for cidr in spec.pod_cidrs],
        "node_addresses": [address_text(node_address(cidr)) for cidr in spec.pod_cidrs],
        "mac": spec.mac.hex(":"),
        "inner_mac": spec.mac_rule.value,
        "mtu": spec.mtu,
    }


def datagram_io(sockets: Sequence[DatagramSocket]) -> Json:
    """Of all sockets together; the rung is the lowest that one of them stands on."""
    errors: Counter[str] = Counter()
    for one in sockets:
        errors.update(one.errors)
    return {
        "rung": max((one.rung for one in sockets), key=list(Rung).index).value,
        "sends": sum(one.sends for one in sockets),
        "reads": sum(one.reads for one in sockets),
        "errors": dict(errors),
    }


def _peer(vtep: Vtep, peer: Peer, now: int) -> Json:
    return {
        "name": peer.name,
        "address": address_text(peer.address),
        "port": peer.port,
        "pod_cidrs": [prefix_text(prefix) for prefix in peer.prefixes],
        "path_mtu": vtep.path_mtus.towards(peer.address, vtep.spec.mtu, now),
        "partial_checksums": vtep.partial_checksums.get(peer.name, 0),
        "foreign_macs": vtep.foreign_macs.get(peer.name, 0),
        "drops": {r.value: n for (name, r), n in vtep.drops_by_peer.items() if name == peer.name},
    }


def drops(net: Net) -> Counter[str]:
    """All drops of the node, of every layer, by reason."""
    total: Counter[str] = Counter()
    vteps = [underlay.vtep.all_drops() for underlay in net.node.underlays]
    for counts in (*vteps, *(stack.drops for stack in net.node.stacks.values())):
        total.update({reason.value: count for reason, count in counts.items()})
    return total


def flows(net: Net, pods: Pods) -> list[Json]:
    """Every connection of every pod."""
    names, now = pods.names, net.node.clock.now()
    return [
        _flow(names.get(address, "node"), connection, now)
        for address, stack in net.node.stacks.items()
        for connection in stack.connections()
    ]


def _flow(pod: str, c: Connection, now: int) -> Json:
    return {
        "pod": pod,
        "local": endpoint_text(*c.local),
        "remote": endpoint_text(*c.remote),
        "state": c.state.value,
        "srtt_us": c.rtt.srtt,
        "rto_us": c.rtt.rto,
        "cwnd_bytes": c.congestion.cwnd,
        "flight_bytes": c.flight.size,
        "unsent_bytes": max(c.unsent_bytes, 0),
        "unread_bytes": c.unread_bytes,
        "snd_wnd_bytes": c.tcb.snd_wnd,
        "rcv_wnd_bytes": c.tcb.rcv_wnd,
        "mss": c.tcb.eff_snd_mss,
        "retransmitted_segments": c.retransmitted_segments,
        "phase": c.recovery.phase.value,
        "trouble": c.trouble(now),
    }


def _count(stack: Stack, state: State) -> int:
    return sum(1 for connection in stack.connections() if connection.state is state)


def _count_open(stack: Stack) -> int:
    return sum(1 for connection in stack.connections() if connection.state is not State.TIME_WAIT)
