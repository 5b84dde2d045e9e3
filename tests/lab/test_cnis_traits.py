"""What only one CNI's workers do."""

from __future__ import annotations

import pytest

from bronzewillow.testing.lab.peers.calico import Calico
from bronzewillow.testing.lab.peers.cases import Placed

pytestmark = pytest.mark.lab


@pytest.mark.cni("calico")
def test_calico_takes_tunnel_packets_of_known_vteps_alone(placed: Placed) -> None:
    """Why our annotation must have the very address that the agent sends from."""
    peer, worker = placed.peer, placed.lab.worker
    assert isinstance(peer, Calico)
    ping = ("ping", "-c", "1", "-W", "1", placed.mac_pods[0])
    entry = (peer.allowed(placed.family), placed.underlay.mac_out)
    worker.run("ipset", "del", *entry)
    try:
        assert placed.lab.pod.attempt(*ping).returncode == 1
    finally:
        worker.run("ipset", "add", *entry)
    placed.lab.pod.run(*ping)
