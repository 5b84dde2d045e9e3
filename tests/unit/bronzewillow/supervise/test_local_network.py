from __future__ import annotations

import contextlib
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


def test_a_port_that_is_taken_is_not_chosen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        with contextlib.suppress(OSError):  # it may be another's already
            other.bind(("127.0.0.1", 4789))
        assert parse_config(local_config(), "node.toml", "mac").overlays[0].port != 4789
