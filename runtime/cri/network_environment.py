"""What the network gives a pod's containers to find around them, such as HTTP_PROXY: docs/cni.md.

It is the network's word and so the node's, not the pod's: what a pod may not say may stand here.
"""

from __future__ import annotations

import logging
from pathlib import Path

_FILE = "environment"
_LONGEST_BYTES = 65_536
_log = logging.getLogger(__name__)


def network_environment(sockets: Path) -> dict[str, str]:
    """Of the pod with this folder of sockets; nothing where its network says nothing."""
    try:
        with (sockets / _FILE).open("rb") as file:
            text = file.read(_LONGEST_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        _log.warning("%s: %s", sockets / _FILE, error.strerror)
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if name and equals}
