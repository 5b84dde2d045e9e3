from __future__ import annotations

from kubelet.refusal import Refusal


def test_a_refusal_is_its_text() -> None:
    assert str(Refusal("no: because")) == "no: because"
