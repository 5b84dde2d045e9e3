"""The agent's Prometheus metrics, read from the core's counters when they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.agent.status import datagram_io, drops
from bronzewillow.wire.errors import DropReason
from bronzewillow.wire.kernel import NATIVE


class AgentCollector(Collector):
    """Reads a node's counters; holds none of its own."""

    def __init__(self, net: Net, pods: Pods, refusals: Mapping[int, int] = MappingProxyType({})) -> None:
        """`refusals`: of the door, by status."""
        self._refusals = refusals
        self._net = net
        self._pods = pods

    def collect(self) -> Iterator[Metric]:
        """All families, each labelled by what it belongs to."""
        yield from self._overlay()
        yield from self._socket()
        yield from self._stacks()
        yield from self._policies()
        refused = CounterMetricFamily(
            "bronzewillow_door_refusals", "What the outlets and the door did not reach.", labels=["status"]
        )
        for status, count in sorted(self._refusals.items()):
            refused.add_metric([str(status)], count)
        yield refused

    def _overlay(self) -> Iterator[Metric]:
        vteps = [underlay.vtep for underlay in self._net.node.underlays]
        for name, text, inward, outward in (
            ("datagrams", "Encapsulated datagrams.", "datagrams_in", "datagrams_out"),
            ("bytes", "Payload of encapsulated datagrams.", "bytes_in", "bytes_out"),
        ):
            family = CounterMetricFamily(f"bronzewillow_overlay_{name}", text, labels=["direction"])
            family.add_metric(["in"], sum(getattr(vtep, inward) for vtep in vteps))
            family.add_metric(["out"], sum(getattr(vtep, outward) for vtep in vteps))
            yield family
        dropped = CounterMetricFamily("bronzewillow_drops", "Packets not used, by reason.", labels=["reason"])
        for reason, count in sorted(drops(self._net).items()):
            dropped.add_metric([reason], count)
        yield dropped
        by_peer = CounterMetricFamily(
            "bronzewillow_peer_drops", "Packets of a peer not used.", labels=["peer", "reason"]
        )
        of_peers = sum((vtep.drops_by_peer for vtep in vteps), Counter[tuple[str, DropReason]]())
        for (peer, reason), count in sorted(of_peers.items()):
            by_peer.add_metric([peer, reason], count)
        yield by_peer
        for name, text in (
            ("partial_checksums", "Segments accepted with an unfinished checksum."),
            ("foreign_macs", "Frames accepted though their MACs are not right."),
        ):
            family = CounterMetricFamily(f"bronzewillow_{name}", text, labels=["peer"])
            accepted = sum((Counter(getattr(vtep, name)) for vtep in vteps), Counter[str]())
            for peer, count in sorted(accepted.items()):
                family.add_metric([peer], count)
            yield family
        names = {peer.name for vtep in vteps for peer in vtep.spec.peers}
        yield GaugeMetricFamily("bronzewillow_peers", "Peers of the overlay.", value=len(names))
        yield GaugeMetricFamily(
            "bronzewillow_native_kernel", "1 when the packet kernel is compiled.", value=int(NATIVE)
        )

    def _socket(self) -> Iterator[Metric]:
        io = datagram_io([underlay.socket for underlay in self._net.node.underlays])
        rung = GaugeMetricFamily("bronzewillow_datagram_io", "The way datagrams are sent.", labels=["rung"])
        rung.add_metric([io["rung"]], 1)
        yield rung
        calls = CounterMetricFamily("bronzewillow_datagram_calls", "Socket calls.", labels=["direction"])
        calls.add_metric(["in"], io["reads"])
        calls.add_metric(["out"], io["sends"])
        yield calls
        errors = CounterMetricFamily("bronzewillow_datagram_errors", "Failed calls.", labels=["error"])
        for error, count in sorted(io["errors"].items()):
            errors.add_metric([error], count)
        yield errors

    def _stacks(self) -> Iterator[Metric]:
        names = self._pods.names
        connections = GaugeMetricFamily(
            "bronzewillow_tcp_connections", "TCP connections.", labels=["pod", "state"]
        )
        families: dict[str, CounterMetricFamily] = {}
        for address, stack in self._net.node.stacks.items():
            pod = names.get(address, "node")
            states: dict[str, int] = {}
            for connection in stack.connections():
                states[connection.state.value] = states.get(connection.state.value, 0) + 1
            for state, count in sorted(states.items()):
                connections.add_metric([pod, state], count)
            for name, count in asdict(stack.counters).items():
                family = families.setdefault(
                    name,
                    CounterMetricFamily(f"bronzewillow_stack_{name}", "Of a pod's stack.", labels=["pod"]),
                )
                family.add_metric([pod], count)
        yield connections
        yield from families.values()

    def _policies(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "bronzewillow_policy_connections",
            "Connections of this node's pods that NetworkPolicies were asked about.",
            labels=["pod", "direction", "verdict", "policy"],
        )
        for decided, count in sorted(self._net.policy.counts.items()):
            family.add_metric([decided.pod, decided.direction, decided.outcome, decided.policy], count)
        yield family
