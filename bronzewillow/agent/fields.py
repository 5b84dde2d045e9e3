"""Typed reading of parsed TOML: each mistake becomes a line with file, line and key."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from bronzewillow.agent.toml_lines import KeyLines, Path
from bronzewillow.overlay.spec import Prefix

_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
_MAC = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")


class Problems:
    """What is wrong with one file."""

    def __init__(self, file: str, lines: KeyLines) -> None:
        self._file = file
        self._lines = lines
        self._found: list[tuple[int, int, str]] = []

    def add(self, path: Path, text: str) -> None:
        """`path` is at fault; `text` says what is wrong, and what to write."""
        line = self._lines.line(path)
        self._found.append((line, len(self._found), f"{self._file}:{line}: {dotted(path)}: {text}"))

    def lines(self) -> tuple[str, ...]:
        """All of them, in the order of the file."""
        return tuple(text for _, _, text in sorted(self._found))


class Table:
    """One table of the file. A reader that finds a mistake notes it and answers None."""

    def __init__(self, values: dict[str, Any], path: Path, problems: Problems) -> None:
        self._values = values
        self._known: list[str] = []
        self.path = path
        self.problems = problems

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        return key in self._values

    def fail(self, key: str, text: str) -> None:
        """A mistake in a key of this table."""
        self.problems.add((*self.path, key), text)

    def text(self, key: str, default: str | None = None) -> str | None:
        """A string that is not empty; required without a default."""
        value = self._value(key, str, "a string", default)
        if value == "":
            self.fail(key, "must not be empty")
            return None
        return value if value is None else str(value)

    def choice(self, key: str, choices: Iterable[str], default: str) -> str | None:
        """The one of `choices` that stands under `key`; None where it is another."""
        value = self.text(key, default)
        if value is None or value in choices:
            return value
        self.fail(key, f"{value!r} is not one of: {', '.join(choices)}")
        return None

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int | None:
        """An integer from `low` to `high`; required without a default."""
        value = self._value(key, int, "an integer", default)
        if value is None:
            return None
        if not low <= value <= high:
            # TOML's integers have 64 bits; a longer one may have more digits than can be shown
            shown = value if value.bit_length() <= 64 else "the number"
            self.fail(key, f"{shown} is not between {low} and {high}")
            return None
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        """The boolean under `key`; `default` where it is missing or wrong."""
        value = self._value(key, bool, "true or false", default)
        return default if value is None else bool(value)

    def address(self, key: str) -> bytes | None:
        """A unicast address of either family."""
        text = self.text(key)
        return None if text is None else self._address((*self.path, key), text)

    def address_per_family(self, key: str) -> tuple[bytes, ...]:
        """One unicast address, or a list of them, no two of a family."""
        found = [self._address(where, text) for where, text in self._texts(key)]
        good = tuple(address for address in found if address is not None)
        self._check_families(key, [len(address) for address in good])
        return good

    def prefix_per_family(self, key: str) -> tuple[Prefix, ...]:
        """One network, or a list of them, no two of a family."""
        found = [self._prefix(where, text) for where, text in self._texts(key)]
        good = tuple(prefix for prefix in found if prefix is not None)
        self._check_families(key, [len(network) for network, _ in good])
        return good

    def prefixes(self, key: str) -> tuple[Prefix, ...]:
        """A list of networks of either family, at least one."""
        values = self._value(key, list, "a list of networks", None)
        if values is None:
            return ()
        if not values:
            self.fail(key, 'must name at least one network, such as "10.244.1.0/24"')
        found = []
        for number, text in enumerate(values):
            where = (*self.path, key, number)
            if not isinstance(text, str):
                self.problems.add(where, f"expected a string, got {_kind(text)}")
            elif (prefix := self._prefix(where, text)) is not None:
                found.append(prefix)
        return tuple(found)

    def mac(self, key: str, default: bytes | None = None) -> bytes | None:
        """A unicast MAC."""
        if default is not None and not self.has(key):
            self._known.append(key)
            return default
        text = self.text(key)
        if text is None:
            return None
        if not _MAC.fullmatch(text):
            self.fail(key, f"{text!r} is not a MAC, such as 02:aa:aa:aa:aa:01")
            return None
        mac = bytes.fromhex(text.replace(":", ""))
        if mac[0] & 1 or mac == bytes(6):
            self.fail(key, f"{text} is not a unicast MAC; the lowest bit of its first byte must be 0")
            return None
        return mac

    def table(self, key: str) -> Table | None:
        """A table within; required."""
        value = self._value(key, dict, f"a table: write [{key}]", None)
        return None if value is None else Table(value, (*self.path, key), self.problems)

    def table_or_none(self, key: str) -> Table | None:
        """A table within, that need not be there."""
        if key in self._values:
            return self.table(key)
        self._known.append(key)
        return None

    def one_or_more(self, key: str) -> list[Table]:
        """A table, or an array of tables that is not empty; required."""
        if not isinstance(self._values.get(key), list):
            found = self.table(key)
            return [] if found is None else [found]
        if not self._values[key]:
            self.fail(key, "must not be empty")
        return self.tables(key)

    def tables(self, key: str) -> list[Table]:
        """An array of tables; none when absent."""
        values = self._value(key, list, "a list of tables", [])
        tables = []
        for number, value in enumerate(values or ()):
            where = (*self.path, key, number)
            if isinstance(value, dict):
                tables.append(Table(value, where, self.problems))
            else:
                self.problems.add(where, f"expected a table, got {_kind(value)}")
        return tables

    def refuse_unknown(self) -> None:
        """Call when every known key has been read."""
        for key in self._values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(sorted(self._known))}"
                self.fail(key, f"unknown key; {hint}")

    def _value(self, key: str, kind: type, name: str, default: Any) -> Any:
        self._known.append(key)
        if key not in self._values:
            if default is None:
                self.problems.add((*self.path, key), f"is missing; expected {name}")
            return default
        value = self._values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, f"expected {name}, got {_kind(value)}")
            return None
        return value

    def _texts(self, key: str) -> list[tuple[Path, str]]:
        """A string, or a list of strings that is not empty, each with its place."""
        where = (*self.path, key)
        if not isinstance(self._values.get(key), list):
            text = self.text(key)
            return [] if text is None else [(where, text)]
        self._known.append(key)
        values = self._values[key]
        if not values:
            self.fail(key, "must not be empty")
        for number, value in enumerate(values):
            if not isinstance(value, str):
                self.problems.add((*where, number), f"expected a string, got {_kind(value)}")
        return [((*where, number), text) for number, text in enumerate(values) if isinstance(text, str)]

    def _check_families(self, key: str, sizes: list[int]) -> None:
        if len(set(sizes)) < len(sizes):
            self.fail(key, "has two of one family; one of IPv4 and one of IPv6 is the most")

    def _address(self, where: Path, text: str) -> bytes | None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            self.problems.add(where, f"{text!r} is not an IP address, such as 192.0.2.2 or 2001:db8::2")
            return None
        if address.is_multicast or address.is_unspecified or address == _BROADCAST:
            self.problems.add(where, f"{text} is not an address that a host can have")
            return None
        if isinstance(address, ipaddress.IPv6Address) and (address.is_link_local or address.ipv4_mapped):
            text = f"{text} is link-local, or IPv4 in disguise; write what others reach"
            self.problems.add(where, text)
            return None
        return address.packed

    def _prefix(self, where: Path, text: str) -> Prefix | None:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            self.problems.add(where, f"{text!r} is not a network, such as 10.244.1.0/24")
            return None
        if "/" not in text:
            whole, usual = network.max_prefixlen, 24 if network.version == 4 else 64
            self.problems.add(where, f"{text!r} has no length; write {text}/{usual} or {text}/{whole}")
            return None
        if network.network_address != ipaddress.ip_address(text.split("/")[0]):
            self.problems.add(where, f"{text!r} has host bits set; write {network}")
            return None
        return network.network_address.packed, network.prefixlen


def dotted(path: Path) -> str:
    """A path as errors name it: `overlay.peers[0].mac`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "file"


def _kind(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "an integer",
        float: "a float",
        str: "a string",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), f"a {type(value).__name__}")
