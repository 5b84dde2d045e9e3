from __future__ import annotations

from bronzewillow.agent.addresses import pack_address, prefix_text
from bronzewillow.agent.config import parse_config
from bronzewillow.testing.lab.dual_stack import (
    MAC_MAC_V6,
    MAC_NODE_V6,
    MAC_POD_V6,
    POD_MTU,
    DualStack,
    render_dual_stack,
)
from bronzewillow.testing.lab.plan import MAC_POD, Plan


def test_the_agent_takes_what_is_rendered() -> None:
    config = parse_config(render_dual_stack(Plan(), DualStack.STATIC, "[]"), "node.toml", "mac-1")
    assert config.overlays[0].mtu == POD_MTU == 1430
    assert [prefix_text(cidr) for cidr in config.overlays[0].pod_cidrs] == ["10.244.7.0/24", "fd00:7::/64"]
    [pod] = config.pods
    assert pod.addresses == (pack_address(MAC_POD), pack_address(MAC_POD_V6))
    assert config.overlays[0].owns(pack_address(MAC_NODE_V6))


def test_flannel_has_an_underlay_for_each_family() -> None:
    config = parse_config(render_dual_stack(Plan(), DualStack.FLANNEL, "[]"), "node.toml", "mac-1")
    first, second = config.overlays
    assert (first.mtu, second.mtu) == (DualStack.FLANNEL.pod_mtu, POD_MTU) == (1450, 1430)
    assert second.mac.hex(":") == MAC_MAC_V6 != first.mac.hex(":")
    assert [len(cidr[0]) for overlay in config.overlays for cidr in overlay.pod_cidrs] == [4, 16]
