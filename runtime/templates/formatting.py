"""print, println and printf, as Go's fmt does them; read first: pkg.go.dev/fmt, "Printing".

deviation: a verb that does not suit its argument is an error, where Go prints `%!d(string=x)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runtime.templates.errors import Refused
from runtime.templates.values import Value, emit_float, emit_value, kind_of

_WIDEST = 1000
_VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?(?P<verb>.?)", re.DOTALL)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)} | {
    7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\",
}  # fmt: skip


def sprint(values: Sequence[Value]) -> str:
    """A space stands between two values of which neither is a text."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(emit_value(value))
    return "".join(parts)


def sprintln(values: Sequence[Value]) -> str:
    """A space between each two, and a newline."""
    return " ".join(map(emit_value, values)) + "\n"


def sprintf(layout: str, values: Sequence[Value]) -> str:
    """`layout` with its verbs replaced; Refused for a verb that is not known or does not suit."""
    parts: list[str] = []
    at = used = 0
    for found in _VERB.finditer(layout):
        parts.append(layout[at : found.start()])
        at = found.end()
        if found["verb"] == "%":
            parts.append("%")
            continue
        if used == len(values):
            raise Refused(f"printf has no value for {found[0]}")
        parts.append(_one(found, values[used]))
        used += 1
    if used < len(values):
        raise Refused(f"printf has {len(values)} values for {used} verbs")
    return "".join((*parts, layout[at:]))


def _one(found: re.Match[str], value: Value) -> str:
    width, precision = _count(found["width"]), _count(found["precision"])
    if found["precision"] == "":
        precision = 0
    text = _verb(found["verb"], found[0], value, precision)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and found["verb"] not in "qc" and text[:1] not in "+-":
        text = "+" + text if "+" in found["flags"] else " " + text if " " in found["flags"] else text
    if width is None or len(text) >= width:
        return text
    if "-" in found["flags"]:
        return text.ljust(width)
    if "0" in found["flags"] and number:
        sign = text[:1] if text[:1] in "+- " else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _verb(verb: str, whole: str, value: Value, precision: int | None) -> str:
    """`value` in the form of `verb`, without its width."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not -(2.0**63) <= value <= 2.0**63 and verb != "v":
        raise Refused(f"printf {whole[:20]} gets a number of more than 64 bits")
    if number and verb in ("d", "c", "x", "X") and float(value).is_integer():
        return {"d": "{:d}", "c": "{:c}", "x": "{:x}", "X": "{:X}"}[verb].format(_checked(int(value), verb))
    if number and verb in ("f", "F", "e", "g"):
        if verb == "g" and precision is None:
            return emit_float(float(value))
        return f"{float(value):.{6 if precision is None else precision}{verb}}"
    if verb == "t" and isinstance(value, bool):
        return emit_value(value)
    if verb == "v" or (verb == "s" and not number and not isinstance(value, bool)):
        text = emit_value(value)
        return text if precision is None or verb == "v" else text[:precision]
    if isinstance(value, str):
        if verb == "q":
            return '"' + "".join(map(_quoted, value)) + '"'
        if verb in ("x", "X"):
            digits = value.encode(errors="replace").hex()
            return digits if verb == "x" else digits.upper()
    raise Refused(f"printf has no {whole[:20]} for a {kind_of(value)}")


def _quoted(char: str) -> str:
    """As Go's strconv.Quote: what is seen stays as it is."""
    code = ord(char)
    if code in _CONTROL:
        return _CONTROL[code]
    if 0xD800 <= code <= 0xDFFF:
        return "\\ufffd"
    if char == " " or char.isprintable():
        return char
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _checked(value: int, verb: str) -> int:
    if verb == "c" and (not 0 <= value <= 0x10FFFF or 0xD800 <= value <= 0xDFFF):
        raise Refused(f"{value} is no character")
    return value


def _count(digits: str | None) -> int | None:
    if not digits:
        return None
    if len(digits) > 4 or int(digits) > _WIDEST:
        raise Refused(f"printf has a width of {digits[:10]}; {_WIDEST} is the most")
    return int(digits)
