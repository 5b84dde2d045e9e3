"""YAML or JSON to plain JSON values, with the line of every key. What JSON cannot say is refused.

As Kubernetes' own reader has it: YAML 1.1's booleans and octal numbers, but no dates and no base 60.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
_MOST_NODES, _DEEPEST = 20_000, 40
_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_JSON_MEANS = "write it in another way, as JSON has no word for it"


class DocumentError(Exception):
    """Text that is no document; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


@dataclass(slots=True)
class Document:
    """One document of a manifest's file."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Of a key, or of the nearest thing around it that is there."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def parse_documents(text: str) -> list[Document]:
    """All that are not empty. DocumentError."""
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # a tab is white space in JSON, and nothing at all in YAML
    try:
        found = []
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            reading = _Reading()
            value = reading.value(node, ())
            if value is not None:
                found.append(Document(value, reading.lines))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DocumentError(line, "has a character that YAML does not allow") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context).split())
        raise DocumentError(mark.line + 1 if mark else 1, f"YAML: {problem}") from None
    except RecursionError:
        raise DocumentError(1, "is nested too deeply") from None
    return found


@dataclass(slots=True)
class _Reading:
    lines: dict[Path, int] = field(default_factory=dict)
    nodes: int = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        line = node.start_mark.line + 1
        if self.nodes > _MOST_NODES:
            raise DocumentError(line, f"has more than {_MOST_NODES} values")
        if len(path) > _DEEPEST:
            raise DocumentError(line, "is nested too deeply")
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return dict(self._items(node, path))
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(one, (*path, number)) for number, one in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node.tag.removeprefix(_TAG), node.value, line)
        raise DocumentError(line, f"YAML: the tag {node.tag} is not known here")

    def _items(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                raise DocumentError(line, "a key must be a text")
            if key.value in seen:
                raise DocumentError(line, f"the key {key.value!r} is there twice")
            seen.add(key.value)
            self.lines[*path, key.value] = line
            yield key.value, self.value(value, (*path, key.value))


def _scalar(kind: str, text: str, line: int) -> Any:
    if kind in ("int", "float") and ":" in text:
        kind = "str"  # base 60
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return _BOOLEANS[text.lower()]
            case "int":
                return _integer(text.replace("_", ""))
            case "float":
                number = float(text.replace("_", ""))
                if not math.isfinite(number):
                    raise ValueError(text)
                return number
            case "str" | "timestamp":
                # JSON writes a character beyond the first 65,536 as two
                return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except ValueError:
        pass
    raise DocumentError(line, f"{text[:40]!r}: {_JSON_MEANS}")


def _integer(text: str) -> int:
    """ValueError also for more than 64 bits: Kubernetes has none such, and not every one can be shown."""
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.removeprefix("+"))
    base = 0 if digits[:2] in ("0b", "0x") else 8 if len(digits) > 1 and digits[0] == "0" else 10
    number = sign * int(digits, base)
    if number.bit_length() > 64:
        raise ValueError(text)
    return number
