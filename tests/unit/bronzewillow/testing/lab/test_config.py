from __future__ import annotations

from pathlib import Path

from bronzewillow.agent.config import load_config
from bronzewillow.testing.lab.config import OtherPeer, Pod, Port, render
from bronzewillow.testing.lab.plan import MAC_MAC, Plan, Style
from bronzewillow.wire.ethernet import MacRule

POD = Pod(
    "default/model-0",
    "10.244.7.10",
    (Port(8080, "unix:/tmp/x.sock", "http"), Port(9000, "tcp:127.0.0.1:9", "tcp")),
)


def test_the_agent_reads_what_is_rendered(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    other = OtherPeer("worker-2", "192.0.2.9", "02:aa:aa:aa:aa:09", "10.244.9.0/24")
    file.write_text(render(Plan(Style.CALICO), [POD], [other]))
    config = load_config(file, "mac-1")
    assert (config.overlays[0].port, config.overlays[0].vni, config.overlays[0].mtu) == (4789, 4096, 1450)
    assert config.overlays[0].mac.hex(":") == MAC_MAC
    assert config.overlays[0].mac_rule is MacRule.NOTE
    assert [peer.name for peer in config.overlays[0].peers] == ["worker-1", "worker-2"]
    assert [(pod.name, len(pod.ports)) for pod in config.pods] == [("default/model-0", 2)]


def test_the_rule_for_macs_is_the_plans(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(render(Plan(inner_mac=MacRule.OWN), [POD]))
    assert load_config(file, "mac-1").overlays[0].mac_rule is MacRule.OWN


def test_no_pods_are_good_too(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(render(Plan(), []))
    assert load_config(file, "mac-1").pods == ()
