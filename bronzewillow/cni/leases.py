"""Who has which pod address: a file for each, below one folder.

<root>/<address>.json    one lease
<root>/last              the address that was given last; the next one is looked for after it
<root>/lock

An address is not given again soon: whoever still talks to its last owner gets no answer, and no other's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path

from bronzewillow.cni.errors import CniError, Code
from bronzewillow.host.files import drop_halves, locked, replace_file


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


class Leases:
    """All of them, for any number of processes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def all(self) -> list[Lease]:
        """By address. A file that is none of ours is passed over. CniError when the folder cannot be read."""
        found = []
        with _io_failure(self._root):
            for path in self._root.glob("*.json"):
                if (lease := _parse(path)) is not None:
                    found.append(lease)
        return sorted(found, key=lambda lease: IPv4Address(lease.address))

    def find(self, container_id: str, ifname: str, network: str) -> Lease | None:
        """The lease of an attachment."""
        wanted = (container_id, ifname, network)
        return next(
            (one for one in self.all() if (one.container_id, one.ifname, one.network) == wanted), None
        )

    def give(
        self, cidr: IPv4Network, taken: Collection[str], container_id: str, ifname: str, network: str,
        pod: str, sockets: Path,
    ) -> Lease:  # fmt: skip
        """The attachment's lease, a new one when it has none. CniError when no address is left.

        `taken`: addresses that are others', the node's own among them.
        """
        with self._locked():
            if (there := self.find(container_id, ifname, network)) is not None:
                return there
            drop_halves(self._root)
            used = {lease.address for lease in self.all()} | set(taken)
            address = next((one for one in self._candidates(cidr) if str(one) not in used), None)
            if address is None:
                raise CniError(
                    Code.NO_ADDRESS_LEFT,
                    f"all addresses of {cidr} are given",
                    "remove pods, or give the node a larger pod CIDR",
                )
            lease = Lease(str(address), container_id, ifname, network, pod or container_id, str(sockets))
            replace_file(self._root / f"{address}.json", json.dumps(asdict(lease)).encode())
            replace_file(self._root / "last", str(address).encode())
            return lease

    def take_back(self, lease: Lease) -> None:
        """It is nobody's; that it was nobody's already is no error."""
        with self._locked():
            (self._root / f"{lease.address}.json").unlink(missing_ok=True)

    # ---- inside

    def _candidates(self, cidr: IPv4Network) -> Iterator[IPv4Address]:
        """All usable ones, those after the last first."""
        first, end = int(cidr.network_address) + 1, int(cidr.broadcast_address)
        try:
            start = int(IPv4Address((self._root / "last").read_text().strip())) + 1
        except (OSError, AddressValueError):
            start = first
        if not first <= start < end:
            start = first
        yield from map(IPv4Address, range(start, end))
        yield from map(IPv4Address, range(first, start))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _io_failure(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self._root / "lock"):
                yield


def _parse(path: Path) -> Lease | None:
    try:
        lease = Lease(**json.loads(path.read_text()))
        return lease if f"{IPv4Address(lease.address)}.json" == path.name else None
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def _io_failure(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CniError(Code.IO_FAILURE, f"{error.filename or root}: {error.strerror or error}") from None
