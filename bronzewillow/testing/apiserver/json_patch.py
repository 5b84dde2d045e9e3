"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396). Pure; a patch that does not fit is a ValueError."""

from __future__ import annotations

import copy
from typing import Any


def merge_patch(target: Any, patch: Any) -> Any:
    """A new value (RFC 7396 2)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(target: Any, operations: Any) -> Any:
    """A new value, after all of the operations."""
    if not isinstance(operations, list):
        raise ValueError("a JSON patch is a list of operations")
    result = copy.deepcopy(target)
    for operation in operations:
        if not isinstance(operation, dict):
            raise ValueError("an operation is an object")
        try:
            result = _apply(result, operation)
        except KeyError as error:
            raise ValueError(f"{operation.get('op')} {operation.get('path')}: missing {error}") from None
    return result


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    path = _tokens(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, copy.deepcopy(operation["value"]))
        case "remove":
            return _remove(document, path)
        case "replace":
            _value(document, path)
            return _add(_remove(document, path), path, copy.deepcopy(operation["value"]))
        case "move":
            source = _tokens(operation["from"])
            value = _value(document, source)
            return _add(_remove(document, source), path, value)
        case "copy":
            return _add(document, path, copy.deepcopy(_value(document, _tokens(operation["from"]))))
        case "test":
            if _value(document, path) != operation["value"]:
                raise ValueError(f"testing path {operation['path']} failed")
            return document
        case other:
            raise ValueError(f"unknown operation {other!r}")


def _tokens(pointer: Any) -> list[str]:
    """RFC 6901."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise ValueError(f"{pointer!r} is no JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _value(document: Any, path: list[str]) -> Any:
    for token in path:
        if isinstance(document, dict):
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(document, token, len(document) - 1)]
        else:
            raise KeyError(token)
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, token = _value(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if token == "-" else _index(parent, token, len(parent)), value)
    elif isinstance(parent, dict):
        parent[token] = value
    else:
        raise KeyError(token)
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        return None
    parent, token = _value(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[_index(parent, token, len(parent) - 1)]
    else:
        del parent[token]
    return document


def _index(items: list[Any], token: str, last: int) -> int:
    if not token.isdecimal() or int(token) > last:
        raise KeyError(token)
    return int(token)
