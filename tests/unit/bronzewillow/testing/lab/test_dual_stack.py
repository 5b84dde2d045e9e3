from __future__ import annotations

from bronzewillow.agent.addresses import pack_address, prefix_text
from bronzewillow.agent.config import parse_config
from bronzewillow.testing.lab.dual_stack import MAC_NODE_V6, MAC_POD_V6, POD_MTU, render_dual_stack
from bronzewillow.testing.lab.plan import MAC_POD, Plan


def test_the_agent_takes_what_is_rendered() -> None:
    config = parse_config(render_dual_stack(Plan(), "[]"), "node.toml", "mac-1")
    assert config.overlay.mtu == POD_MTU == 1430
    assert [prefix_text(cidr) for cidr in config.overlay.pod_cidrs] == ["10.244.7.0/24", "fd00:7::/64"]
    [pod] = config.pods
    assert pod.addresses == (pack_address(MAC_POD), pack_address(MAC_POD_V6))
    assert config.overlay.owns(pack_address(MAC_NODE_V6))
