from __future__ import annotations

import ipaddress

import pytest

from bronzewillow.testing.lab.plan import MAC_CIDR, WORKER_CIDR, Cable, Plan, Style


@pytest.mark.parametrize(
    ("style", "vni", "port", "device"),
    [(Style.FLANNEL, 1, 8472, "flannel.1"), (Style.CALICO, 4096, 4789, "vxlan.calico")],
)
def test_styles_are_their_cnis(style: Style, vni: int, port: int, device: str) -> None:
    plan = Plan(style)
    assert (plan.vni, plan.port, plan.device) == (vni, port, device)


@pytest.mark.parametrize("style", list(Style))
def test_tunnel_addresses_belong_to_their_nodes(style: Style) -> None:
    plan = Plan(style)
    assert ipaddress.ip_address(plan.worker_tunnel) in ipaddress.ip_network(WORKER_CIDR)
    assert ipaddress.ip_address(plan.mac_tunnel) in ipaddress.ip_network(MAC_CIDR)


def test_an_inner_packet_and_its_encapsulation_fit_the_underlay() -> None:
    assert Plan().pod_mtu == 1450


@pytest.mark.parametrize("cable", [Cable.OFFLOAD, Cable.VXLAN_TX_OFF])
def test_a_relay_needs_a_real_cable(cable: Cable) -> None:
    with pytest.raises(ValueError, match="real cable"):
        Plan(cable=cable, relayed=True)
