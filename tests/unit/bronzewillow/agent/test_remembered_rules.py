"""The rules of last time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bronzewillow.agent.remembered_rules import recall_rules, remember_rules
from bronzewillow.policy.rules import Allow, Block, Direction, PodRules, Ports

A, B, SIX = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)), bytes(16)
BLOCK = Block((bytes((10, 0, 0, 0)), 8), ((bytes((10, 1, 0, 0)), 16),))
RULES = PodRules(
    {Direction.INGRESS: ("default/a", "default/b")},
    {
        Direction.INGRESS: (
            Allow("default/a", 0),
            Allow("default/b", 3, frozenset({A, B}), (), (Ports("TCP", 1, 2),)),
        ),
        Direction.EGRESS: (Allow("default/a", 1, frozenset(), (BLOCK,)),),
    },
    "default/llm",
    frozenset({A, SIX}),
)


def test_they_are_what_they_were(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "policy.json"
    remember_rules(path, {A: RULES, SIX: RULES, B: PodRules(name="default/b", addresses=frozenset({B}))})
    found = recall_rules(path)
    assert found is not None
    assert found[A] == found[SIX] == RULES
    assert found[B].name == "default/b"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_that_there_are_none_is_something_to_remember(tmp_path: Path) -> None:
    remember_rules(tmp_path / "policy.json", {})
    assert recall_rules(tmp_path / "policy.json") == {}


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"isolated": {}}]', '[{"isolated": []}]', "7"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.json").write_text(text)
    assert recall_rules(tmp_path / "policy.json") is None
    assert recall_rules(tmp_path / "none.json") is None
