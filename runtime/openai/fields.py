"""Reading a request's fields: the type and the range are checked, the error names the field."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from aiohttp import web

from runtime.openai.errors import ApiError, bad_request, body_too_slow
from runtime.openai.grammars import check_grammar

Body = Mapping[str, Any]
_INT32 = (1 << 31) - 1  # llama.cpp's counts are that wide, and wrap

# Options that go to the engine as they are, with their range; None where there is no bound.
_NUMBERS: dict[str, tuple[float | None, float | None]] = {
    "temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2),
    "min_p": (0, 1), "typical_p": (0, 1), "repeat_penalty": (0, None), "top_n_sigma": (None, None),
    "xtc_probability": (0, 1), "xtc_threshold": (0, 1), "dynatemp_range": (0, None),
    "dynatemp_exponent": (0, None),
    "dry_multiplier": (0, None), "dry_base": (0, None), "mirostat_tau": (0, None), "mirostat_eta": (0, None),
}  # fmt: skip
_INTEGERS: dict[str, tuple[int | None, int | None]] = {
    "seed": (None, None), "top_k": (-_INT32, _INT32), "repeat_last_n": (-1, _INT32), "n_keep": (-1, _INT32),
    "dry_allowed_length": (0, _INT32), "dry_penalty_last_n": (-1, _INT32), "mirostat": (0, 2),
    "min_keep": (0, _INT32),
}  # fmt: skip
_BOOLEANS = ("cache_prompt", "ignore_eos", "parallel_tool_calls")
_SEED_MASK = 0xFFFFFFFF
_BODY_S = 300.0
_MAX_DIGITS = 300  # more do not fit into a float


async def read_body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request. ApiError, 408 for one that takes too long to come."""
    try:
        async with asyncio.timeout(_BODY_S):
            raw = await request.read()
    except TimeoutError:
        raise body_too_slow(_BODY_S) from None
    return parse_body(raw)


def parse_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request."""
    try:
        text = raw.decode()  # RFC 8259 8.1
        body = json.loads(text, parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse)
        if "\\u" in text:  # half of a surrogate pair is no text, and could not be sent back
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as err:
        raise bad_request(f"We could not parse the JSON body of your request: {err}") from err
    if not isinstance(body, dict):
        raise bad_request("The body of the request must be a JSON object.")
    return body


def _parse_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        _refuse(f"{digits[:20]}...")
    return int(digits)


def _parse_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        _refuse(f"{digits[:20]}...")
    return value


def _refuse(number: str) -> NoReturn:
    """What Python's reader of JSON takes and llama.cpp's does not."""
    raise ValueError(f"{number} is not a number that can be used")


def wrong_type(field: str, wanted: str, value: object) -> ApiError:
    return bad_request(
        f"Invalid type for '{field}': expected {wanted}, but got {_kind(value)} instead.", field
    )


def number(body: Body, field: str, low: float | None = None, high: float | None = None) -> float | None:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise wrong_type(field, "a number", value)
    _check_range(field, value, low, high)
    return value


def integer(body: Body, field: str, low: int | None = None, high: int | None = None) -> int | None:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, "an integer", value)
    _check_range(field, value, low, high)
    return value


def boolean(body: Body, field: str) -> bool | None:
    value = body.get(field)
    if value is not None and not isinstance(value, bool):
        raise wrong_type(field, "a boolean", value)
    return value


def string(body: Body, field: str) -> str | None:
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise wrong_type(field, "a string", value)
    return value


def mapping(body: Body, field: str) -> dict[str, Any] | None:
    value = body.get(field)
    if value is not None and not isinstance(value, dict):
        raise wrong_type(field, "an object", value)
    return value


def sampling_options(body: Body) -> dict[str, Any]:
    """Everything that chat and raw completions have in common, under the engine's names."""
    options: dict[str, Any] = {}
    for field, (low, high) in _NUMBERS.items():
        if (value := number(body, field, low, high)) is not None:
            options[field] = value
    for field, (first, last) in _INTEGERS.items():
        if (count := integer(body, field, first, last)) is not None:
            options[field] = count
    for field in _BOOLEANS:
        if (flag := boolean(body, field)) is not None:
            options[field] = flag
    if "seed" in options:  # llama.cpp's are 32 bits wide, and all ones means random
        options["seed"] = options["seed"] & _SEED_MASK
    if stop := _stop(body):
        options["stop"] = stop
    if bias := _logit_bias(body):
        options["logit_bias"] = bias
    if grammar := string(body, "grammar"):
        check_grammar(grammar, "grammar")
        options["grammar"] = grammar
    if (limit := _max_tokens(body)) is not None:
        options["max_tokens"] = limit
    return options


def _max_tokens(body: Body) -> int | None:
    """OpenAI's least is 1; clients of llama.cpp send -1 for no limit."""
    for field in ("max_completion_tokens", "max_tokens"):
        if (limit := integer(body, field, -1, _INT32)) is not None:
            if limit == 0:
                raise bad_request(f"Invalid '{field}': 0 is less than the minimum of 1.", field)
            return limit
    return None


def include_usage(body: Body) -> bool:
    """Whether `stream_options.include_usage` is set."""
    return bool(boolean(mapping(body, "stream_options") or {}, "include_usage"))


def _stop(body: Body) -> list[str]:
    value = body.get("stop")
    if value is None:
        return []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise wrong_type("stop", "a string or an array of strings", value)
    return [text for text in value if text]


def _logit_bias(body: Body) -> list[list[Any]]:
    value = mapping(body, "logit_bias") or {}
    pairs: list[list[Any]] = []
    for token, bias in value.items():
        if isinstance(bias, bool) or not isinstance(bias, int | float):
            raise wrong_type(f"logit_bias.{token}", "a number", bias)
        if not token.isdecimal() or len(token) > len(str(_INT32)):
            raise bad_request(f"Invalid key in 'logit_bias': {token[:20]!r} is not a token id.", "logit_bias")
        pairs.append([int(token), bias])
    return pairs


def _check_range(field: str, value: float, low: float | None, high: float | None) -> None:
    if low is not None and value < low:
        raise bad_request(f"Invalid '{field}': {value} is less than the minimum of {low}.", field)
    if high is not None and value > high:
        raise bad_request(f"Invalid '{field}': {value} is greater than the maximum of {high}.", field)


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "an array",
             dict: "an object", type(None): "null"}  # fmt: skip
    return names.get(type(value), type(value).__name__)
