"""Who has which pod address: a file for each, below one folder.

<root>/<address>.json    one lease; a pod of both families has two
<root>/last, last-v6     the address that was given last; the next one is looked for after it
<root>/outlet            the loopback port of the pods' outlet, which containers keep in their environment
<root>/lock

An address is not given again soon: whoever still talks to its last owner gets no answer, and no other's.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

from bronzewillow.cni.errors import CniError, Code
from bronzewillow.host.files import drop_halves, locked, replace_file
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private

_log = logging.getLogger(__name__)
_ID_DIGITS = 12
_PASSWORD_BYTES = 16
Address = IPv4Address | IPv6Address
Cidr = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Lease:
    """One address of one container."""

    address: str
    container_id: str
    ifname: str
    network: str
    pod: str
    """`namespace/name`, or the container's id."""
    sockets: str
    """The folder in which `<port>.sock` stands for a port that is served; see `agent/leased.py`."""
    password: str = field(default="", repr=False)
    """By which its containers are known at the outlet, under the name `name_at_outlet`; empty: not at all."""

    @property
    def name_at_outlet(self) -> str:
        """A word that needs no escape in a URL."""
        return self.container_id[:_ID_DIGITS]


class Leases:
    """All of them, for any number of processes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._told: set[Path] = set()

    def all(self) -> list[Lease]:
        """By address. A file that cannot be read is told of once. CniError when the folder cannot be read."""
        found = []
        with _io_failure(self._root):
            for path in self._root.glob("*.json"):
                try:
                    found.append(read_lease(path))
                except FileNotFoundError:
                    continue  # it was just taken back
                except (OSError, ValueError, TypeError) as error:
                    self._tell(path, error)
        return sorted(found, key=_by_family)

    def find(self, container_id: str, ifname: str, network: str) -> list[Lease]:
        """The leases of an attachment, one of each family at most."""
        wanted = (container_id, ifname, network)
        return [one for one in self.all() if (one.container_id, one.ifname, one.network) == wanted]

    def give(
        self, cidrs: Sequence[Cidr], taken: Collection[str], container_id: str, ifname: str, network: str,
        pod: str, sockets: Path,
    ) -> list[Lease]:  # fmt: skip
        """The attachment's leases, one of each of `cidrs`, new where it has none. CniError: none is left.

        `taken`: addresses that are others', the node's own among them.
        """
        with self._locked():
            leases = self.find(container_id, ifname, network)
            there = {ip_address(lease.address).version for lease in leases}
            wanted = [cidr for cidr in cidrs if cidr.version not in there]
            if wanted:
                drop_halves(self._root)
            # a file's name says what is given, also where the file cannot be read
            used = {path.stem for path in self._root.glob("*.json")} | set(taken)
            password = next((lease.password for lease in leases), "") or secrets.token_hex(_PASSWORD_BYTES)
            # all are found before one is written: whoever gets an error has got nothing
            for address in [self._free(cidr, used) for cidr in wanted]:
                name = pod or container_id
                lease = Lease(str(address), container_id, ifname, network, name, str(sockets), password)
                self._write(lease)
                replace_file(self._root / _last(address.version), str(address).encode())
                leases.append(lease)
            return sorted(leases, key=_by_family)

    def take_back(self, lease: Lease) -> None:
        """It is nobody's; that it was nobody's already is no error."""
        with self._locked():
            (self._root / f"{lease.address}.json").unlink(missing_ok=True)

    def drop_spoilt(self) -> None:
        """Files that tell of no lease; the caller knows that nobody has their addresses. CniError."""
        with self._locked():
            for path in self._root.glob("*.json"):
                try:
                    read_lease(path)
                except (ValueError, TypeError) as error:
                    _log.warning("%s: is no lease (%s), and nobody's: removed", path, error)
                    path.unlink(missing_ok=True)
                except FileNotFoundError:
                    continue

    @property
    def outlet(self) -> int:
        """The port of the pods' outlet, last time; 0 for none."""
        try:
            port = int((self._root / "outlet").read_text())
        except (OSError, ValueError):
            return 0
        return port if 0 < port < 65536 else 0

    @outlet.setter
    def outlet(self, port: int) -> None:
        """Another one than last time ends all passwords: containers say them to whoever has the old port."""
        with self._locked():
            if self.outlet not in (0, port):
                for lease in self.all():
                    self._write(replace(lease, password=""))
            replace_file(self._root / "outlet", str(port).encode())

    # ---- inside

    def _tell(self, path: Path, error: Exception) -> None:
        if path not in self._told:
            self._told.add(path)
            _log.error("%s: is no lease (%s): its pod has no network until it is made anew", path, error)

    def _write(self, lease: Lease) -> None:
        text = json.dumps(asdict(lease)).encode()
        replace_file(self._root / f"{lease.address}.json", text, private=True)

    def _free(self, cidr: Cidr, used: Collection[str]) -> Address:
        for address in self._candidates(cidr):
            if str(address) not in used:
                return address
        raise CniError(
            Code.NO_ADDRESS_LEFT,
            f"all addresses of {cidr} are given",
            "remove pods, or give the node a larger pod CIDR",
        )

    def _candidates(self, cidr: Cidr) -> Iterator[Address]:
        """All usable ones, those after the last first."""
        first, end = int(cidr.network_address) + 1, int(cidr.broadcast_address)
        kind = type(cidr.network_address)
        try:
            start = int(kind((self._root / _last(cidr.version)).read_text().strip())) + 1
        except (OSError, ValueError):
            start = first
        if not first <= start < end:
            start = first
        yield from map(kind, range(start, end))
        yield from map(kind, range(first, start))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _io_failure(self._root):
            make_private(self._root)
            with locked(self._root / "lock"):
                yield


def _last(version: int) -> str:
    return "last" if version == 4 else "last-v6"


def _by_family(lease: Lease) -> tuple[int, int]:
    address = ip_address(lease.address)
    return address.version, int(address)


def read_lease(path: Path) -> Lease:
    """One file. OSError, ValueError, TypeError."""
    lease = Lease(**parse_json(path.read_text()))
    if not all(isinstance(one, str) and "\0" not in one for one in asdict(lease).values()):
        raise ValueError("a field is no text")
    if f"{ip_address(lease.address)}.json" != path.name:
        raise ValueError(f"it is of {lease.address}")
    return lease


@contextmanager
def _io_failure(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CniError(Code.IO_FAILURE, f"{error.filename or root}: {error.strerror or error}") from None
