"""What Go knows of the values in a template: truth, fields, order of keys, and how each is printed.

None is `nil`, str, bool, int and float are themselves, a sequence is a slice and a mapping a map. Two kinds
print as JSON, as Ollama's own types do: a Record, which is a struct, and a JsonMap.

deviation: nothing is printed for nil, where Go prints `<no value>`, and a field of nil or one that a struct
lacks is nil, where Go fails: in a prompt neither helps anyone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite, isinf
from typing import Any

from runtime.go_json import emit_go_json
from runtime.templates.errors import Refused

Value = Any
_DEEPEST = 80


class Record:
    """A struct: its fields under Go's names, and what its JSON is."""

    __slots__ = ("fields", "json")

    def __init__(self, fields: Mapping[str, Value], json: Mapping[str, Value]) -> None:
        self.fields = fields
        self.json = json
        """In the order of Go's declaration, without what is empty."""


class JsonMap(dict[str, Value]):
    """A map that prints as JSON."""


def is_true(value: Value) -> bool:
    """Go's truth: not the zero of its type, not empty."""
    return isinstance(value, Record) or bool(value)


def field_of(value: Value, name: str) -> Value:
    """`value.name`; nil where there is none. Refused for what never has fields."""
    if value is None:
        return None
    if isinstance(value, Record):
        return value.fields.get(name)
    if isinstance(value, Mapping):
        return value.get(name)
    raise Refused(f"{kind_of(value)} has no field {name[:40]}")


def items_of(value: Value) -> list[tuple[Value, Value]]:
    """What a range goes over, as keys and values: a map's by their keys' order."""
    if value is None:
        return []
    if isinstance(value, Mapping):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(enumerate(value))
    raise Refused(f"range goes over no {kind_of(value)}")


def kind_of(value: Value) -> str:
    """The type, for an error's text."""
    if value is None:
        return "nil"
    names = {bool: "bool", int: "int", float: "float", str: "string", Record: "struct"}
    for kind, name in names.items():
        if isinstance(value, kind):
            return name
    return "map" if isinstance(value, Mapping) else "slice"


def emit_value(value: Value) -> str:
    """What `{{ value }}` prints."""
    return "" if value is None else _emit(value, 0)


def emit_json(value: Value) -> str:
    """`value` as Go's encoding/json writes it; empty for what has no JSON, as Ollama's function."""
    try:
        return emit_go_json(_plain(value, 0))
    except ValueError:
        return ""


def emit_float(value: float) -> str:
    """Go's `%v` of a float: the shortest digits, an exponent below 1e-4 and from 1e6 on."""
    if not isfinite(value):
        return ("+Inf" if value > 0 else "-Inf") if isinf(value) else "NaN"
    number = Decimal(repr(value)).normalize()
    if value and not -4 <= number.adjusted() < 6:
        mantissa, _, exponent = format(number, "e").partition("e")
        return f"{mantissa}e{int(exponent):+03d}"
    return format(number, "f")


def _emit(value: Value, depth: int) -> str:
    match value:
        case None:
            return "<nil>"
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return emit_json(value)  # empty above Python's bound on digits
        case float():
            return emit_float(value)
        case Record() | JsonMap():
            return emit_json(value)
    if depth > _DEEPEST:
        raise Refused(f"a value of more than {_DEEPEST} levels")
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{_emit(item, depth + 1)}" for key, item in items_of(value)) + "]"
    if any(isinstance(item, Record) for item in value):
        return emit_json(value)
    return "[" + " ".join(_emit(item, depth + 1) for item in value) + "]"


def _plain(value: Value, depth: int) -> Value:
    """For emit_go_json: a struct in its own order, a map in its keys'."""
    if depth > _DEEPEST:
        raise ValueError(f"a value of more than {_DEEPEST} levels")
    if isinstance(value, Record):
        return {key: _plain(item, depth + 1) for key, item in value.json.items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in items_of(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item, depth + 1) for item in value]
    return value
