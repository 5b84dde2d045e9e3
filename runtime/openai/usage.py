"""The `usage` object."""

from __future__ import annotations

from typing import Any

from runtime.engine.interface import Usage


def emit_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def add_usage(one: Usage, other: Usage) -> Usage:
    """The cost of both."""
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.cached_tokens + other.cached_tokens,
        one.prompt_s + other.prompt_s,
        one.generation_s + other.generation_s,
    )
