"""The usage object."""

from __future__ import annotations

from runtime.engine.interface import Usage
from runtime.openai.usage import add_usage, emit_usage


def test_usage() -> None:
    total = add_usage(Usage(3, 4, 1, 0.5, 0.25), Usage(1, 1, 1, 0.5, 0.25))
    assert total == Usage(4, 5, 2, 1.0, 0.5)
    assert emit_usage(total) == {
        "prompt_tokens": 4,
        "completion_tokens": 5,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 2},
    }
