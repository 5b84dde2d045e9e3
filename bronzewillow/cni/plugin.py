"""The verbs, one after another; each is safe to repeat."""

from __future__ import annotations

import http.client
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from bronzewillow.cni.environment import write_environment
from bronzewillow.cni.errors import CniError, Code
from bronzewillow.cni.leases import Lease, Leases
from bronzewillow.cni.request import Request
from bronzewillow.cni.result import Network, emit_add, emit_version
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private

_LIMIT_S = 10.0
_ID_DIGITS = 12  # of a container's id in the path of its sockets, which a Mac allows 103 bytes


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, unless the configuration says otherwise."""

    control: Path
    """The agent's socket."""
    leases: Path
    sockets: Path
    """The folder with a folder of sockets for each sandbox."""


def run(request: Request, places: Places) -> dict[str, Any] | None:
    """What goes to standard output, or None for nothing. CniError."""
    agent = Agent(request.control or places.control)
    leases = Leases(places.leases)
    verbs: dict[str, Callable[[], dict[str, Any] | None]] = {
        "ADD": lambda: _add(request, agent, leases, places.sockets),
        "DEL": lambda: _del(request, agent, leases),
        "CHECK": lambda: _check(request, agent, leases),
        "GC": lambda: _gc(request, agent, leases),
        "STATUS": lambda: _status(agent),
        "VERSION": lambda: emit_version(request),
    }
    return verbs[request.verb]()


class Agent:
    """The agent's control socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def network(self) -> tuple[Network, set[str]]:
        """Its overlay, and the addresses that are in use. CniError: try again later."""
        network, taken, _ = self.state()
        return network, taken

    def state(self) -> tuple[Network, set[str], str]:
        """The same, and where its outlet for pods is; empty for nowhere."""
        found = self._ask("GET", "/status")
        overlays = found["overlays"]
        cidrs = [cidr for overlay in overlays for cidr in overlay["pod_cidrs"]]
        gateways = [address for overlay in overlays for address in overlay["node_addresses"]]
        # a pod has one interface: what two underlays differ in is the first's, and the smaller MTU
        mtu = min(overlay["mtu"] for overlay in overlays)
        network = Network(
            tuple(map(ip_network, cidrs)), tuple(map(ip_address, gateways)), overlays[0]["mac"], mtu
        )
        taken = {*gateways, *(pod["address"] for pod in found["pods"])}
        return network, taken, str(found.get("outlets", {}).get("pods", ""))

    def refresh(self) -> None:
        """It looks at the leases now, and answers when all of them are alive."""
        self._ask("POST", "/leases")

    def _ask(self, method: str, path: str) -> Any:
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise CniError(Code.TRY_AGAIN_LATER, f"the agent says {answer.status}: {_text(body)}")
            return parse_json(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or error or type(error).__name__
            raise CniError(
                Code.TRY_AGAIN_LATER,
                f"the agent does not answer at {self._path}: {reason}",
                "start `bronzewillow agent`",
            ) from None
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("agent", timeout=_LIMIT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_LIMIT_S)
        self.sock.connect(str(self._path))


def _add(request: Request, agent: Agent, leases: Leases, sockets: Path) -> dict[str, Any]:
    assert request.attachment is not None
    network, taken, outlet = agent.state()
    one = request.attachment
    folder = sockets / one.container_id[:_ID_DIGITS]
    for other in leases.all():
        if other.sockets == str(folder) and other.container_id != one.container_id:
            raise CniError(
                Code.INVALID_ENVIRONMENT,
                f"container {other.container_id} has {folder} already",
                f"the first {_ID_DIGITS} characters of ids must differ",
            )
    try:
        make_private(folder)
    except OSError as error:
        raise CniError(Code.IO_FAILURE, f"{folder}: {error.strerror}") from None
    given = leases.give(
        network.pod_cidrs, taken, one.container_id, one.ifname, request.network, request.pod, folder
    )
    if outlet:
        write_environment(folder, given[0], outlet)
    agent.refresh()
    return emit_add(request, [ip_address(lease.address) for lease in given], network)


def _del(request: Request, agent: Agent, leases: Leases) -> None:
    assert request.attachment is not None
    one = request.attachment
    found = leases.find(one.container_id, one.ifname, request.network)
    for lease in found:
        _end(lease, leases)
    if found:
        _refresh_if_there(agent)


def _check(request: Request, agent: Agent, leases: Leases) -> None:
    assert request.attachment is not None
    one = request.attachment
    found = leases.find(one.container_id, one.ifname, request.network)
    if not found:
        raise CniError(Code.UNKNOWN_CONTAINER, f"container {one.container_id} has no address here")
    previous = request.previous or {}
    ips = [
        str(ip.get("address", "")).partition("/")[0] for ip in previous.get("ips", []) if isinstance(ip, dict)
    ]
    _, alive = agent.network()
    for lease in found:
        if lease.address not in ips:
            raise CniError(
                Code.INVALID_CONFIG,
                f"container {one.container_id} has {lease.address}, prevResult says {ips}",
            )
        if lease.address not in alive:
            raise CniError(Code.TRY_AGAIN_LATER, f"{lease.address} is not alive in the agent yet")


def _gc(request: Request, agent: Agent, leases: Leases) -> None:
    valid = {(one.container_id, one.ifname) for one in request.valid}
    held = leases.all()
    if valid <= {(lease.container_id, lease.ifname) for lease in held}:
        leases.drop_spoilt()
    stale = [
        lease
        for lease in held
        if lease.network == request.network and (lease.container_id, lease.ifname) not in valid
    ]
    for lease in stale:
        _end(lease, leases)
    if stale:
        _refresh_if_there(agent)


def _status(agent: Agent) -> None:
    try:
        agent.network()
    except CniError as error:
        raise CniError(Code.NOT_AVAILABLE, error.message, error.details) from None


def _end(lease: Lease, leases: Leases) -> None:
    """Its folder goes with its last lease, and only if it is one that ADD has made."""
    leases.take_back(lease)
    is_in_use = any(other.sockets == lease.sockets for other in leases.all())
    if not is_in_use and Path(lease.sockets).name == lease.container_id[:_ID_DIGITS] != "":
        shutil.rmtree(lease.sockets, ignore_errors=True)


def _refresh_if_there(agent: Agent) -> None:
    """An agent that is away looks at the leases when it starts: a DEL never fails for it."""
    try:
        agent.refresh()
    except CniError:
        return


def _text(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())[:200]
