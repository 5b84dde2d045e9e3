"""The four forms of a raw input: text, texts, token ids, and lists of token ids."""

from __future__ import annotations

from typing import Any

from runtime.openai.errors import bad_request
from runtime.openai.fields import Body, wrong_type

Prompt = str | tuple[int, ...]
_MAX_INPUTS = 2048  # OpenAI's bound for embeddings


def parse_inputs(body: Body, field: str) -> tuple[Prompt, ...]:
    """The inputs of `field`, one or many; ApiError 400 for anything else."""
    value = body.get(field)
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise wrong_type(field, "a string or an array", value)
    if not value:
        raise bad_request(f"Invalid '{field}': the array is empty.", field)
    if _is_tokens(value):
        return (tuple(value),)
    if len(value) > _MAX_INPUTS:
        raise bad_request(
            f"Invalid '{field}': {len(value)} inputs, at most {_MAX_INPUTS} are allowed.", field
        )
    return tuple(_one(item, f"{field}[{index}]") for index, item in enumerate(value))


def _one(item: Any, place: str) -> Prompt:
    if isinstance(item, str):
        return item
    if isinstance(item, list) and item and _is_tokens(item):
        return tuple(item)
    raise wrong_type(place, "a string or an array of token ids", item)


def _is_tokens(value: list[Any]) -> bool:
    return all(isinstance(token, int) and not isinstance(token, bool) and token >= 0 for token in value)
