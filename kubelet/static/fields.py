"""Typed reading of a manifest: each mistake becomes a line with file, line and key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from kubelet.static.documents import Document, Path

_KINDS = {
    bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list",
    dict: "an object", type(None): "nothing",
}  # fmt: skip


class Problems:
    """What is wrong with one document, and what is only not looked at."""

    def __init__(self, file: str, document: Document) -> None:
        self._file, self._document = file, document
        self.found: list[str] = []
        self.notes: list[str] = []

    def add(self, path: Path, text: str) -> None:
        """`path` is at fault; `text` says what is wrong, and what to write."""
        self.found.append(self._line(path, text))

    def note(self, path: Path, text: str) -> None:
        """To be known, no more."""
        self.notes.append(self._line(path, text))

    def _line(self, path: Path, text: str) -> str:
        where = f"{self._file}:{self._document.line(path)}"
        return f"{where}: {_dotted(path)}: {text}" if path else f"{where}: {text}"


class Object:
    """One object of the document. A reader that finds a mistake notes it, and answers without it."""

    def __init__(self, values: dict[str, Any], path: Path, problems: Problems) -> None:
        self._values = {key: value for key, value in values.items() if value is not None}
        self._known: set[str] = set()
        self.path, self.problems = path, problems

    def fail(self, key: str, text: str) -> None:
        """A mistake in a key of this object."""
        self.problems.add((*self.path, key), text)

    def text(self, key: str, default: str | None = None) -> str:
        """Not empty; required without a default."""
        value = self._value(key, str, default)
        if value == "" and default is None:
            self.fail(key, "must not be empty")
        return value or default or ""

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """The one of `choices` that stands under `key`; `default` where it is another."""
        value = self.text(key, default)
        if value not in choices:
            self.fail(key, f"{value!r} is not one of: {', '.join(choices)}")
            return default
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """From `low` to `high`; required without a default."""
        value = self._value(key, int, default)
        if value is None:
            return low
        if not low <= value <= high:
            self.fail(key, f"{value} is not between {low} and {high}")
        return int(value)

    def flag(self, key: str) -> bool:
        """False when it is not there."""
        return bool(self._value(key, bool, False))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of them; none when it is not there."""
        found = []
        for number, value in enumerate(self._value(key, list, []) or ()):
            if isinstance(value, str):
                found.append(value)
            else:
                self.problems.add((*self.path, key, number), _no_text(value))
        return tuple(found)

    def text_map(self, key: str) -> dict[str, str]:
        """Such as labels; empty when it is not there."""
        found = {}
        for name, value in (self._value(key, dict, {}) or {}).items():
            if isinstance(value, str):
                found[name] = value
            else:
                self.problems.add((*self.path, key, name), _no_text(value))
        return found

    def object(self, key: str) -> Object:
        """An empty one when it is not there."""
        return Object(self._value(key, dict, {}) or {}, (*self.path, key), self.problems)

    def objects(self, key: str) -> list[Object]:
        """A list of them; none when it is not there."""
        found = []
        for number, value in enumerate(self._value(key, list, []) or ()):
            where = (*self.path, key, number)
            if isinstance(value, dict):
                found.append(Object(value, where, self.problems))
            else:
                self.problems.add(where, f"expected an object, got {_kind(value)}")
        return found

    def raw(self, key: str) -> Any:
        """As it is; None when it is not there."""
        self._known.add(key)
        return self._values.get(key)

    def given(self) -> tuple[str, ...]:
        """The keys that are there and say something."""
        return tuple(self._values)

    def accept(self, *keys: str) -> None:
        """They may be there, and change nothing."""
        self._known.update(keys)

    def leave_out(self, keys: Iterable[str], why: str) -> None:
        """They may be there, and it is told that they do nothing."""
        for key in keys:
            if self.raw(key) not in (None, [], {}, "", False):
                self.problems.note((*self.path, key), why)

    def refuse(self, keys: Iterable[str], why: str) -> None:
        """They would change what runs, and cannot be done."""
        for key in keys:
            if self.raw(key) not in (None, [], {}, "", False):
                self.fail(key, why)

    def refuse_unknown(self) -> None:
        """Call when every known key has been read."""
        for key in self._values:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                self.fail(key, f"unknown key{f'; did you mean {near[0]}?' if near else ''}")

    def _value(self, key: str, kind: type, default: Any) -> Any:
        value = self.raw(key)
        if value is None:
            if default is None:
                self.fail(key, f"is missing; expected {_KINDS[kind]}")
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fail(key, _no_text(value) if kind is str else f"expected {_KINDS[kind]}, got {_kind(value)}")
            return default
        return value


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _no_text(value: object) -> str:
    cure = "" if isinstance(value, list | dict) else "; put it in quotes"
    return f"expected a text, got {_kind(value)}{cure}"


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "something else")
