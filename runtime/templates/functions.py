"""The functions of a template: Go's that make no HTML, and Ollama's four.

Left out are `call`, as no value is a function, and `html`, `js` and `urlquery`, as a prompt is neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from runtime.templates.errors import Refused
from runtime.templates.formatting import sprint, sprintf, sprintln
from runtime.templates.values import Record, Value, emit_json, field_of, is_true, kind_of

_MANY = 1000
# name -> fewest and most arguments
_ARGUMENTS = {
    "and": (1, _MANY), "or": (1, _MANY), "not": (1, 1), "eq": (2, _MANY), "ne": (2, 2), "lt": (2, 2),
    "le": (2, 2), "gt": (2, 2), "ge": (2, 2), "len": (1, 1), "index": (1, _MANY), "slice": (1, 4),
    "print": (0, _MANY), "printf": (1, _MANY), "println": (0, _MANY), "json": (1, 1),
    "currentDate": (0, _MANY), "yesterdayDate": (0, _MANY), "toTypeScriptType": (1, 1),
}  # fmt: skip
NAMES = frozenset(_ARGUMENTS)
_TYPESCRIPT = {
    "string": "string", "number": "number", "integer": "number", "boolean": "boolean", "array": "any[]",
    "object": "Record<string, any>", "null": "null",
}  # fmt: skip


class Functions:
    """The functions on one day."""

    def __init__(self, today: date) -> None:
        yesterday = today - timedelta(days=1) if today > date.min else today
        self._functions: Mapping[str, Callable[[Sequence[Value]], Value]] = {
            "and": lambda values: next((value for value in values if not is_true(value)), values[-1]),
            "or": lambda values: next((value for value in values if is_true(value)), values[-1]),
            "not": lambda values: not is_true(values[0]),
            "eq": lambda values: any(_equal(values[0], other) for other in values[1:]),
            "ne": lambda values: not _equal(*values),
            "lt": lambda values: _less(*values),
            "le": lambda values: _less(*values) or _equal(*values),
            "gt": lambda values: _less(values[1], values[0]),
            "ge": lambda values: _less(values[1], values[0]) or _equal(*values),
            "len": lambda values: _length(values[0]),
            "index": _index,
            "slice": _slice,
            "print": sprint,
            "printf": _printf,
            "println": sprintln,
            "json": lambda values: emit_json(values[0]),
            "currentDate": lambda values: today.isoformat(),
            "yesterdayDate": lambda values: yesterday.isoformat(),
            "toTypeScriptType": lambda values: _typescript(values[0], 0),
        }

    def call(self, name: str, values: Sequence[Value]) -> Value:
        """The value of `name`, one of NAMES, for `values`; Refused."""
        fewest, most = _ARGUMENTS[name]
        if not fewest <= len(values) <= most:
            raise Refused(f"{name} takes {_count(fewest, most)} arguments, got {len(values)}")
        return self._functions[name](values)


def _count(fewest: int, most: int) -> str:
    if fewest == most:
        return str(fewest)
    return f"at least {fewest}" if most == _MANY else f"{fewest} to {most}"


def _equal(one: Value, other: Value) -> bool:
    """Numbers by their value; nil equals nil alone; a text and a number are not compared."""
    if one is None or other is None:
        return one is other
    kinds = {_comparable(one), _comparable(other)}
    if len(kinds) > 1 or "" in kinds:
        raise Refused(f"{kind_of(one)} and {kind_of(other)} are not compared")
    return bool(one == other)


def _less(one: Value, other: Value) -> bool:
    kind = _comparable(one)
    if kind != _comparable(other) or kind not in ("number", "string"):
        raise Refused(f"{kind_of(one)} and {kind_of(other)} have no order")
    return bool(one < other)  # of texts too: code points have the order of their UTF-8, which is Go's


def _comparable(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else ""


def _length(value: Value) -> int:
    if value is None:
        return 0  # deviation: as of an empty one, where Go fails
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    if isinstance(value, Mapping | Sequence):
        return len(value)
    raise Refused(f"a {kind_of(value)} has no length")


def _index(values: Sequence[Value]) -> Value:
    value = values[0]
    for key in values[1:]:
        if value is None:
            return None  # deviation: as of a missing key, where Go fails
        if isinstance(value, Mapping) and isinstance(key, str):
            value = field_of(value, key)
        elif isinstance(value, str):
            raw = value.encode(errors="replace")
            value = raw[_place(key, len(raw) - 1)]
        elif isinstance(value, Sequence):
            value = value[_place(key, len(value) - 1)]
        else:
            raise Refused(f"a {kind_of(key)} is no index of a {kind_of(value)}")
    return value


def _slice(values: Sequence[Value]) -> Value:
    """`slice x 1 2` is x[1:2]; of a text it counts bytes, as len does."""
    value = values[0]
    if value is None:
        return None
    if not isinstance(value, str | Sequence):
        raise Refused(f"a {kind_of(value)} has no slices")
    if isinstance(value, str) and len(values) == 4:
        raise Refused("a text is sliced by two numbers at most")
    whole = value.encode(errors="replace") if isinstance(value, str) else value
    places = [_place(place, len(whole)) for place in values[1:]]
    if places != sorted(places):
        raise Refused(f"the slice {':'.join(map(str, places))} ends before it begins")
    part = whole[places[0] if places else 0 : places[1] if len(places) > 1 else len(whole)]
    return part.decode(errors="replace") if isinstance(part, bytes) else part


def _place(key: Value, most: int) -> int:
    if isinstance(key, bool) or not isinstance(key, int):
        raise Refused(f"a {kind_of(key)} is no index")
    if not 0 <= key <= most:
        raise Refused(f"the index {key} is out of range")
    return key


def _printf(values: Sequence[Value]) -> str:
    if not isinstance(values[0], str):
        raise Refused(f"printf takes its layout as a text, got a {kind_of(values[0])}")
    return sprintf(values[0], values[1:])


def _typescript(schema: Value, depth: int) -> str:
    """The TypeScript type of a tool's property, as Ollama names it."""
    if depth > 20 or not isinstance(schema, Record):
        return "any"
    if alternatives := field_of(schema, "AnyOf"):
        return " | ".join(_typescript(one, depth + 1) for one in alternatives)
    names = field_of(schema, "Type")
    kinds = [names] if isinstance(names, str) else names or []
    return " | ".join(_TYPESCRIPT.get(str(kind), "any") for kind in kinds) or "any"
