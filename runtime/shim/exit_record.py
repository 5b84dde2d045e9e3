"""How a container ended, in its bundle: what outlives the shim."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bronzewillow.host.files import replace_file
from bronzewillow.host.parsing import parse_json

_FILE = "exit.json"
UNKNOWN_STATUS = 255
"""Of one whose shim died before it."""


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """The end of one process."""

    status: int
    """0 to 255; 128 and the signal's number for one that a signal ended."""
    at_ns: int
    """Since 1970."""
    is_oom: bool = False
    """It was killed, not by us, as memory ran out."""


def write_exit(bundle: Path, record: ExitRecord) -> None:
    """Whole or not at all. OSError."""
    replace_file(bundle / _FILE, json.dumps(asdict(record)).encode())


def read_exit(bundle: Path) -> ExitRecord | None:
    """None when it has not ended, or when nobody was there to see it."""
    try:
        found = parse_json((bundle / _FILE).read_bytes())
        return ExitRecord(int(found["status"]), int(found["at_ns"]), bool(found["is_oom"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
