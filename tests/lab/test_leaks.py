"""Five thousand connections come and go, and leave nothing behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.node import HTTP_PORT, TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import MAC_POD

pytestmark = pytest.mark.lab

TOTAL, AT_ONCE = 2_500, 50
GROWTH_BYTES = 48 << 20
"""Memory may grow by pools and caches, not by 10 KB for each connection."""


@pytest.fixture(scope="module")
def fresh(running: Running) -> Iterator[Node]:
    with running() as node:
        yield node


def churn(node: Node, port: int, path: str, total: int) -> dict[str, int]:
    """How often each kind of answer came."""
    program = str(Path(__file__).with_name("churn.py"))
    argv = (sys.executable, program, MAC_POD, str(port), path, str(total), str(AT_ONCE))
    counts: dict[str, int] = json.loads(node.topology.pod.run(*argv, timeout_s=600))
    return counts


def levels(node: Node) -> dict[str, Any]:
    """What must come back to where it was."""
    assert node.agent is not None
    status = node.status()
    return {
        "connections": sum(pod["connections"] for pod in status["pods"]),
        "transports": status["transports"],
        "tasks": status["tasks"],
        "files": node.agent.open_files(),
    }


@pytest.mark.parametrize(
    ("port", "path"), [(HTTP_PORT, "/v1/models"), (TCP_PORT, "/bytes/2000")], ids=["http", "tcp"]
)
def test_connections_leave_nothing(fresh: Node, port: int, path: str) -> None:
    assert fresh.agent is not None
    churn(fresh, port, path, 200)  # pools fill, modules load
    idle = {"connections": 0, "transports": 0}
    wait_until(lambda: idle.items() <= levels(fresh).items(), "the first calls have ended", step_s=0.5)
    before, memory = levels(fresh), fresh.agent.resident_bytes()
    counts = churn(fresh, port, path, TOTAL)
    assert counts == {"HTTP/1.1 200 OK": TOTAL * 3 // 4, "aborted": TOTAL // 4}

    # Connections that the pool keeps to runm may be fewer than before, never more.

    def back() -> bool:
        now = levels(fresh)
        return all(now[name] <= before[name] for name in before)

    try:
        wait_until(back, "levels are back", 120, step_s=0.5)
    finally:
        now = levels(fresh)
    assert now["connections"] == now["transports"] == 0
    assert fresh.agent.resident_bytes() - memory < GROWTH_BYTES
