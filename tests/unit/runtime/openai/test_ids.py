"""Identifiers."""

from __future__ import annotations

from runtime.openai.ids import new_id


def test_ids_differ_and_say_what_they_name() -> None:
    ids = {new_id("chatcmpl") for _ in range(100)}
    assert len(ids) == 100
    assert all(one.startswith("chatcmpl-") and len(one) > 20 for one in ids)
