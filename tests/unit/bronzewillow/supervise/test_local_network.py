from __future__ import annotations

import socket

import pytest

from bronzewillow.agent.config import parse_config
from bronzewillow.supervise.local_network import local_config

pytestmark = pytest.mark.loopback


def test_the_agent_takes_it() -> None:
    config = parse_config(local_config(), "node.toml", "mac")
    assert (config.overlays[0].address, config.overlays[0].peers, config.pods) == (
        socket.inet_aton("127.0.0.1"),
        (),
        (),
    )


def test_nodes_that_start_together_get_ports_of_their_own() -> None:
    ports = {parse_config(local_config(), "node.toml", "mac").overlays[0].port for _ in range(4)}
    assert len(ports) > 1
    assert 4789 not in ports
