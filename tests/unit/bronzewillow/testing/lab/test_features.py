from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE, Verdict, missing, verdict


@pytest.mark.parametrize(
    ("reason", "required", "expected"),
    [
        ("", "", Verdict.RUN),
        ("", "all", Verdict.RUN),
        ("no vxlan here", "", Verdict.SKIP),
        ("no vxlan here", "geneve", Verdict.SKIP),
        ("no vxlan here", "vxlan", Verdict.FAIL),
        ("no vxlan here", "geneve, vxlan", Verdict.FAIL),
        ("no vxlan here", "all", Verdict.FAIL),
    ],
)
def test_what_is_missing_is_a_skip_unless_required(reason: str, required: str, expected: Verdict) -> None:
    assert verdict("vxlan", reason, {"LAB_REQUIRE": required}) is expected


def test_a_feature_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        missing("warp-drive")


def test_an_environment_is_named_and_whole(tmp_path: Path) -> None:
    assert "make lab" in missing("environment", {})
    assert "no agent" in missing("environment", {ENVIRONMENT_VARIABLE: str(tmp_path)})
    program = tmp_path / "venv" / "bin" / "bronzewillow"
    program.parent.mkdir(parents=True)
    program.touch()
    assert missing("environment", {ENVIRONMENT_VARIABLE: str(tmp_path)}) == ""
