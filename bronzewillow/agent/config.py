"""The agent's configuration file: TOML to values, validated once. docs/configuration.md describes it.

All mistakes of a file are told at once, each in one line with file, line and key.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, cast

from bronzewillow.agent.addresses import address_text, prefix_text
from bronzewillow.agent.fields import Problems, Table
from bronzewillow.agent.tcp_settings import read_tcp
from bronzewillow.agent.toml_lines import KeyLines
from bronzewillow.host.files import open_regular
from bronzewillow.host.parsing import parse_toml
from bronzewillow.overlay.spec import OverlaySpec, Peer, Prefix, contains, node_address
from bronzewillow.proxy import Upstream
from bronzewillow.stack import TcpConfig
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.encap import DEFAULT_PORTS, Encap
from bronzewillow.wire.ethernet import MacRule

_MAX_VNI = (1 << 24) - 1
_MIN_MTU = {4: 576, 16: 1280}  # RFC 1122 3.3.2, RFC 8200 5: what every host must be able to take
_MAX_MTU = 65_000
_DEFAULT_MTU = {4: 1450, 16: 1430}  # Ethernet's 1500, less VXLAN or Geneve over either family
_LONGEST_POD_PREFIX = {4: 30, 16: 126}  # the network, the node, a pod, the broadcast address


@dataclass(frozen=True, slots=True)
class PortSpec:
    """One port of a pod."""

    port: int
    """The TCP port on the pod's address."""
    upstream: Upstream
    """Where its connections go."""
    protocol: Literal["http", "tcp"] = "http"
    """`http` is proxied with limits and metrics, `tcp` is relayed as it is."""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod that the agent serves."""

    name: str
    """Namespace and name, for people and metrics."""
    addresses: tuple[bytes, ...]
    """One of each family at most, each inside a pod CIDR."""
    ports: tuple[PortSpec, ...]
    """What it serves."""
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password by which its containers are known at the outlet; not in the file."""


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """The whole file."""

    overlays: tuple[OverlaySpec, ...]
    """[overlay] and its peers; two where each family has an underlay of its own."""
    pods: tuple[PodSpec, ...]
    """[[pods]]."""
    tcp: TcpConfig = field(default_factory=TcpConfig)
    """[tcp]: what connections to come go by."""

    @property
    def peer_count(self) -> int:
        """How many other nodes there are, however many underlays lead to them."""
        return len({peer.name for overlay in self.overlays for peer in overlay.peers})


class ConfigError(Exception):
    """A file that cannot be used; `problems` has a line for each reason."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_config(path: Path, node_name: str) -> AgentConfig:
    """Read and validate a file. Raises ConfigError."""
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text") from None
    return parse_config(text, str(path), node_name)


def parse_config(text: str, file: str, node_name: str) -> AgentConfig:
    """Validate the text of a file; `file` names it in errors. Raises ConfigError."""
    try:
        values = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_error(error, text, file)) from None
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None
    problems = Problems(file, KeyLines(text))
    root = Table(values, (), problems)
    overlays = _overlays(root.one_or_more("overlay"), node_name)
    pods = _pods(root.tables("pods"), overlays)
    tcp = root.table_or_none("tcp")
    settings = read_tcp(tcp) if tcp is not None else TcpConfig()
    root.refuse_unknown()
    found = problems.lines()
    if found:
        raise ConfigError(*found)
    return AgentConfig(overlays, pods, settings)


def derived_mac(node_name: str) -> bytes:
    """A locally administered MAC that a node keeps for life."""
    return b"\x02" + hashlib.sha1(node_name.encode(), usedforsecurity=False).digest()[:5]


def _syntax_error(error: tomllib.TOMLDecodeError, text: str, file: str) -> str:
    message = str(error)
    head, _, place = message.rpartition(" (at ")
    if place.startswith("line "):
        return f"{file}:{place.removeprefix('line ').split(',')[0]}: TOML: {head}"
    return f"{file}:{text.count(chr(10)) + 1}: TOML: {head or message}"


def _overlays(tables: Iterable[Table], node_name: str) -> tuple[OverlaySpec, ...]:
    overlays: list[OverlaySpec] = []
    for table in tables:
        overlay = _overlay(table, node_name)
        if overlay is None:
            continue
        for other in overlays:
            if not _families(overlay).isdisjoint(_families(other)):
                table.fail("pod_cidr", "is of a family that another [[overlay]] has, too")
            if (overlay.address, overlay.port) == (other.address, other.port):
                table.fail("address", "is, with its port, that of another [[overlay]], too")
        overlays.append(overlay)
    return tuple(overlays)


def _families(overlay: OverlaySpec) -> set[int]:
    return {len(network) for network, _ in overlay.pod_cidrs}


def _overlay(table: Table, node_name: str) -> OverlaySpec | None:
    name = table.choice("encap", [encap.value for encap in Encap], Encap.VXLAN.value)
    encap = Encap(name) if name else Encap.VXLAN
    address = table.address("address")
    port = table.number("port", 1, 65535, DEFAULT_PORTS[encap])
    vni = table.number("vni", 0, _MAX_VNI)
    pod_cidrs = table.prefix_per_family("pod_cidr")
    mac = table.mac("mac", derived_mac(node_name))
    least_mtu = max((_MIN_MTU[len(network)] for network, _ in pod_cidrs), default=576)
    mtu = table.number("mtu", least_mtu, _MAX_MTU, _DEFAULT_MTU[len(address or bytes(4))])
    for network, length in pod_cidrs:
        longest = _LONGEST_POD_PREFIX[len(network)]
        if length > longest:
            table.fail(
                "pod_cidr", f"a /{length} has no room for the node and a pod; /{longest} is the smallest"
            )
            pod_cidrs = ()
    checksums = table.choice("checksums", [one.value for one in PartialPolicy], PartialPolicy.AUTO.value)
    inner_mac = table.choice("inner_mac", [one.value for one in MacRule], MacRule.NOTE.value)
    peers = _peers(table.tables("peers"), port)
    table.refuse_unknown()
    if address is None or port is None or vni is None or not pod_cidrs or mac is None or mtu is None:
        return None
    _check_peers(peers, address, port, pod_cidrs)
    known = tuple(peer for peer, _ in peers)
    policy = PartialPolicy(checksums) if checksums else PartialPolicy.AUTO
    rule = MacRule(inner_mac) if inner_mac else MacRule.NOTE
    return OverlaySpec(encap, address, port, vni, pod_cidrs, mac, mtu, known, policy, mac_rule=rule)


def _peers(tables: Iterable[Table], default_port: int | None) -> list[tuple[Peer, Table]]:
    peers = []
    for table in tables:
        name = table.text("name")
        address = table.address("address")
        port = table.number("port", 1, 65535, default_port or 1)
        mac = table.mac("mac")
        prefixes = table.prefixes("pod_cidrs")
        table.refuse_unknown()
        if name is not None and address is not None and port is not None and mac is not None:
            peers.append((Peer(name, address, port, mac, prefixes), table))
    return peers


def _check_peers(
    peers: list[tuple[Peer, Table]], address: bytes, port: int, pod_cidrs: tuple[Prefix, ...]
) -> None:
    names: set[str] = set()
    places: dict[tuple[bytes, int], str] = {}
    owners: dict[Prefix, str] = {}
    for peer, table in peers:
        if peer.name in names:
            table.fail("name", f"{peer.name!r} is the name of another peer, too")
        if (peer.address, peer.port) == (address, port):
            table.fail("address", "is this node's own address and port")
        if len(peer.address) != len(address):
            table.fail("address", f"is not of the family of overlay.address, {address_text(address)}")
        if other := places.get((peer.address, peer.port)):
            table.fail("address", f"is the address and port of peer {other!r}, too")
        for prefix in peer.prefixes:
            for pod_cidr in pod_cidrs:
                if _overlap(prefix, pod_cidr):
                    text = f"{prefix_text(prefix)} overlaps our own pod_cidr, {prefix_text(pod_cidr)}"
                    table.fail("pod_cidrs", text)
            if other := owners.get(prefix):
                table.fail("pod_cidrs", f"{prefix_text(prefix)} belongs to peer {other!r}, too")
        names.add(peer.name)
        places.setdefault((peer.address, peer.port), peer.name)
        for prefix in peer.prefixes:
            owners.setdefault(prefix, peer.name)


def _pods(tables: Iterable[Table], overlays: tuple[OverlaySpec, ...]) -> tuple[PodSpec, ...]:
    pods: dict[str, PodSpec] = {}
    owners: dict[bytes, str] = {}
    pod_cidrs = tuple(cidr for overlay in overlays for cidr in overlay.pod_cidrs)
    for table in tables:
        name = table.text("name")
        addresses = table.address_per_family("address")
        ports = _ports(table.tables("ports"))
        table.refuse_unknown()
        if name in pods:
            table.fail("name", f"{name!r} is the name of another pod, too")
        for other in sorted({owners[address] for address in addresses if address in owners}):
            table.fail("address", f"is the address of pod {other!r}, too")
        for address in addresses if pod_cidrs else ():
            _check_pod_address(table, address, pod_cidrs)
        if name is not None and addresses:
            pods.setdefault(name, PodSpec(name, addresses, ports))
            owners.update(dict.fromkeys(addresses, name))
    return tuple(pods.values())


def _ports(tables: Iterable[Table]) -> tuple[PortSpec, ...]:
    ports: list[PortSpec] = []
    for table in tables:
        number = table.number("port", 1, 65535)
        text = table.text("upstream")
        protocol = table.choice("protocol", ("http", "tcp"), "http")
        table.refuse_unknown()
        if any(number == port.port for port in ports):
            table.fail("port", f"{number} is another port of this pod, too")
        try:
            upstream = Upstream.parse(text) if text is not None else None
        except ValueError as error:
            table.fail("upstream", str(error))
            continue
        if number is not None and upstream is not None and protocol is not None:
            ports.append(PortSpec(number, upstream, cast(Literal["http", "tcp"], protocol)))
    return tuple(ports)


def _check_pod_address(table: Table, address: bytes, pod_cidrs: tuple[Prefix, ...]) -> None:
    pod_cidr = next((one for one in pod_cidrs if contains(one, address)), None)
    if pod_cidr is None:
        table.fail("address", f"is not in overlay.pod_cidr, {', '.join(map(prefix_text, pod_cidrs))}")
        return
    number, network = int.from_bytes(address, "big"), int.from_bytes(pod_cidr[0], "big")
    last = network + (1 << 8 * len(address) - pod_cidr[1]) - 1
    if address == node_address(pod_cidr):
        table.fail("address", "is the first address of overlay.pod_cidr, which is the node's own")
    elif number in (network, last):
        table.fail("address", "is the first or last number of overlay.pod_cidr, which no pod can have")


def _overlap(one: Prefix, other: Prefix) -> bool:
    shorter, longer = sorted((one, other), key=lambda prefix: prefix[1])
    return contains(shorter, longer[0])
