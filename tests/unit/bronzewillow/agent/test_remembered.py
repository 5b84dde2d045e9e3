"""The overlays of last time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bronzewillow.agent.remembered import recall, remember
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.ethernet import MacRule

V6 = (bytes.fromhex("fd000007") + bytes(12), 64)
PEER = Peer("worker-1", bytes((192, 0, 2, 1)), 8472, b"\x02aaaaa", ((bytes((10, 244, 1, 0)), 24), V6))
OVERLAY = OverlaySpec(
    Encap.GENEVE,
    bytes((192, 0, 2, 2)),
    6081,
    7,
    ((bytes((10, 244, 7, 0)), 24), V6),
    b"\x02bbbbb",
    1450,
    (PEER,),
    any_vni=True,
    source_vnis=((bytes((10, 244, 7, 9)), 300),),
    mac_rule=MacRule.OWN,
)


def test_it_is_what_it_was(tmp_path: Path) -> None:
    both = OVERLAY, replace(OVERLAY, address=V6[0], pod_cidrs=(V6,))
    path = tmp_path / "not" / "yet" / "overlay.json"
    remember(path, both)
    assert recall(path) == both


def test_what_an_older_agent_wrote_has_no_rule_for_macs(tmp_path: Path) -> None:
    path = tmp_path / "overlay.json"
    remember(path, [OVERLAY])
    (written,) = json.loads(path.read_text())
    del written["mac_rule"]
    path.write_text(json.dumps([written]))
    assert recall(path) == (replace(OVERLAY, mac_rule=MacRule.ANY),)


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"encap": "gre"}]', "\xff"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "overlay.json").write_text(text, encoding="latin-1")
    assert recall(tmp_path / "overlay.json") == ()
    assert recall(tmp_path / "none.json") == ()
