"""The parameters layer of an Ollama image, and what its keys mean to llama.cpp.

The layer is one JSON object. A key that nobody knows is a warning, as images outlive programs; a known key
with a wrong value is an error, as the model would answer differently than its maker meant.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, NoReturn

from runtime.go_json import emit_go_json
from runtime.images.errors import InvalidParameters

Value = int | float | bool | tuple[str, ...]

_LARGEST = 2**31 - 1  # llama.cpp counts in 32 bits
_SEED_MASK = 2**32 - 1
_TRUE = ("1", "t", "T", "true", "True", "TRUE")  # Go strconv.ParseBool
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?", re.ASCII)
_FALSE = ("0", "f", "F", "false", "False", "FALSE")


class Kind(Enum):
    """What a key's value is; the text is for error messages."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TEXTS = "a list of texts"


class When(StrEnum):
    """When a key takes effect: as the model is loaded, with each request, or both."""

    LOAD = "load"
    REQUEST = "request"
    BOTH = "load and request"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of one parameter."""

    name: str
    kind: Kind
    when: When
    default: Value | None
    """What Ollama takes where the image says nothing; None where that depends on the machine."""
    request_field: str = ""
    """The field of a request; empty for what only a load can set. OpenAI's name where OpenAI has one, else
    llama.cpp's."""
    low: int = -_LARGEST - 1
    """The least value."""


def _integer(
    name: str, when: When, default: int | None, request_field: str = "", low: int = -_LARGEST
) -> Key:
    return Key(name, Kind.INTEGER, when, default, request_field, low)


def _number(name: str, default: float) -> Key:
    return Key(name, Kind.NUMBER, When.REQUEST, default, name)


KEYS: Mapping[str, Key] = MappingProxyType({
    key.name: key
    for key in (
        _integer("num_ctx", When.LOAD, None, low=0),
        _integer("num_batch", When.LOAD, 512, low=1),
        _integer("num_gpu", When.LOAD, -1),
        _integer("main_gpu", When.LOAD, None, low=0),
        Key("use_mmap", Kind.BOOLEAN, When.LOAD, None),
        _integer("num_thread", When.LOAD, 0, low=0),
        _integer("draft_num_predict", When.LOAD, 4, low=0),
        _integer("num_keep", When.BOTH, 4, "n_keep", low=-1),
        _integer("num_predict", When.REQUEST, -1, "max_tokens"),
        _number("temperature", 0.8),
        _integer("top_k", When.REQUEST, 40, "top_k"),
        _number("top_p", 0.9),
        _number("min_p", 0.0),
        _number("typical_p", 1.0),
        _integer("repeat_last_n", When.REQUEST, 64, "repeat_last_n", low=-1),
        _number("repeat_penalty", 1.0),
        _number("presence_penalty", 0.0),
        _number("frequency_penalty", 0.0),
        _integer("seed", When.REQUEST, -1, "seed", low=-(2**63)),
        Key("stop", Kind.TEXTS, When.REQUEST, (), "stop"),
    )
})  # fmt: skip

DEPRECATED = frozenset({
    "embedding_only", "f16_kv", "logits_all", "low_vram", "mirostat", "mirostat_eta", "mirostat_tau",
    "num_gqa", "numa", "penalize_newline", "rope_frequency_base", "rope_frequency_scale", "tfs_z",
    "use_mlock", "vocab_only",
})  # fmt: skip
"""Keys of older images that Ollama itself no longer heeds."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Checked parameters: every key is one of KEYS, every value has the key's type."""

    values: Mapping[str, Value] = field(default_factory=dict)
    """Only what was said; the defaults are not filled in."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """One line for each thing that was passed over."""

    def __post_init__(self) -> None:
        checked = {name: _check(_known(name), value) for name, value in self.values.items()}
        object.__setattr__(self, "values", MappingProxyType(checked))

    def get(self, name: str) -> Value | None:
        """The value of `name`, or Ollama's default; KeyError for a name that is not in KEYS."""
        return self.values.get(name, KEYS[name].default)

    def request_defaults(self) -> dict[str, Any]:
        """What was said for each request, under the names of OpenAI's or llama.cpp's request.

        A field of the request goes first; only `stop` is to be added to the request's, as OpenAI's field
        would replace the marks that the chat format needs.
        """
        fields: dict[str, Any] = {}
        for name, value in self.values.items():
            if target := KEYS[name].request_field:
                fields[target] = list(value) if isinstance(value, tuple) else value
        if "seed" in fields:
            fields["seed"] &= _SEED_MASK  # llama.cpp's are 32 bits wide, and all ones means random
        if "max_tokens" in fields:
            fields["max_tokens"] = max(fields["max_tokens"], -1)  # every negative number means without end
        return fields


NO_PARAMETERS = Parameters()


def parse_parameters(raw: bytes) -> Parameters:
    """The parameters in a layer's bytes; InvalidParameters names the key."""
    try:
        found = json.loads(raw.decode(), parse_constant=_no_constant) if raw.strip() else {}
    except (ValueError, RecursionError) as err:
        raise InvalidParameters(f"parameters: no JSON: {err}") from err
    if not isinstance(found, dict):
        raise InvalidParameters(f"parameters: expected a JSON object, got {_shown(found)}")
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for name, value in found.items():
        if name in DEPRECATED:
            warnings.append(deprecation(name))
        elif name not in KEYS:
            warnings.append(f"parameter {_shown(name)} is not known and has no effect")
        elif value is not None:  # as if it were not there, as in Go
            values[name] = value
    return Parameters(values, tuple(warnings))


def emit_parameters(parameters: Parameters) -> bytes:
    """The layer's bytes, byte for byte as Ollama writes them: keys sorted, a newline at the end."""
    return (emit_go_json(parameters.values, sort_keys=True) + "\n").encode()


def merge_parameters(base: Parameters, over: Parameters) -> Parameters:
    """`base`, key by key replaced by what `over` says; `stop` too, as FROM does to an image."""
    return Parameters({**base.values, **over.values}, (*base.warnings, *over.warnings))


def parse_parameter_text(name: str, text: str) -> Value:
    """The value of a `PARAMETER` line or a command line's `name=text`; a stop text is a tuple of one.

    InvalidParameters names the key, and one that is close to it if there is none of that name.
    """
    key = _known(name)
    if key.kind is Kind.TEXTS:
        return _check(key, text)
    if key.kind is Kind.BOOLEAN:
        if text not in _TRUE + _FALSE:
            raise _wrong(key, text)
        return text in _TRUE
    if not _NUMBER.fullmatch(text):
        raise _wrong(key, text)
    return _check(key, int(text) if text.lstrip("+-").isdigit() else float(text))


def add_parameter(values: dict[str, Value], name: str, value: Value) -> None:
    """Sets `name`; a stop text joins those that are there, anything else replaces."""
    before = values.get(name)
    if isinstance(before, tuple) and isinstance(value, tuple):
        value = tuple(dict.fromkeys((*before, *value)))
    values[name] = value


def parameter_texts(parameters: Parameters) -> Iterator[tuple[str, str]]:
    """Each value as `PARAMETER` lines have it; `stop` yields as often as it has texts, but once at least."""
    for name, value in parameters.values.items():
        if isinstance(value, tuple):
            yield from ((name, text) for text in value or ("",))
        else:
            yield name, emit_go_json(value)


def deprecation(name: str) -> str:
    """The warning for a key of DEPRECATED."""
    return f"parameter {name!r} is deprecated and has no effect"


def _known(name: str) -> Key:
    if (key := KEYS.get(name)) is not None:
        return key
    near = get_close_matches(name, KEYS, n=1)
    cure = f"did you mean {near[0]!r}?" if near else "the known ones are " + ", ".join(KEYS)
    raise InvalidParameters(f"parameter {_shown(name)} is not known; {cure}")


def _check(key: Key, value: Any) -> Value:
    match key.kind:
        case Kind.BOOLEAN if isinstance(value, bool):
            return value
        case Kind.TEXTS if isinstance(value, str):
            return (value,) if value else ()
        case Kind.TEXTS if isinstance(value, Sequence) and all(isinstance(text, str) for text in value):
            return tuple(dict.fromkeys(filter(None, value)))  # an empty text would end every answer
        case Kind.INTEGER if isinstance(value, int | float) and not isinstance(value, bool):
            if isinstance(value, int) or value.is_integer():
                return _check_range(key, int(value))
        case Kind.NUMBER if isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) <= _LARGEST and math.isfinite(value):
                return float(value)
        case _:
            pass
    raise _wrong(key, value)


def _check_range(key: Key, value: int) -> int:
    high = 2**63 - 1 if key.name == "seed" else _LARGEST
    if not key.low <= value <= high:
        raise InvalidParameters(
            f"parameter {key.name!r}: {_shown(value)} is not between {key.low} and {high}"
        )
    return value


def _wrong(key: Key, value: object) -> InvalidParameters:
    return InvalidParameters(f"parameter {key.name!r}: expected {key.kind.value}, got {_shown(value)}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _shown(value: object) -> str:
    """Short enough for an error's one line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # digits or levels beyond Python's bounds
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
