"""Grammars and schemas that strangers send, bounded before llama.cpp sees them.

It walks both recursively, on a thread's stack: one request that is nested deeply enough would end the process
and every answer in it. And it tries the alternatives of a grammar one by one, for every token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runtime.openai.errors import bad_request

MAX_GRAMMAR_CHARACTERS = 65_536
MAX_NESTING = 200
MAX_SCHEMA_VALUES = 2_000
"""Values of a schema, inner ones counted; about 600 described properties."""
MAX_PATTERN_CHARACTERS = 1_000
MAX_TOOLS = 128  # OpenAI's

# What may hold a parenthesis that does not nest, as llama.cpp reads GBNF: literals, classes of characters,
# tokens, comments. One without an end goes to the text's: llama.cpp refuses it there, and reads no further.
_GBNF = re.compile(
    r'"(?:\\.?|[^"\\])*+(?:"|\Z)|\[(?:\\.?|[^\]\\])*+(?:\]|\Z)|<[^>]*+(?:>|\Z)|#[^\n]*+|([()])', re.DOTALL
)


def check_grammar(text: str, field: str) -> None:
    """ApiError 400 for a grammar in GBNF that is too long or too deep."""
    if len(text) > MAX_GRAMMAR_CHARACTERS:
        raise bad_request(
            f"Invalid '{field}': {len(text)} characters, the maximum is {MAX_GRAMMAR_CHARACTERS}.", field
        )
    depth = 0
    for found in _GBNF.finditer(text):
        depth += {"(": 1, ")": -1}.get(found[1], 0)
        if depth > MAX_NESTING:
            raise _too_deep(field)


def check_schema(schema: Mapping[str, Any], field: str) -> None:
    """ApiError 400 for a JSON schema that is too large or too deep, or has too long a pattern."""
    count, level, depth = 0, [schema], 0
    values: list[Any]
    while level:
        depth += 1
        count += len(level)
        if depth > MAX_NESTING:
            raise _too_deep(field)
        if count > MAX_SCHEMA_VALUES:
            raise bad_request(
                f"Invalid '{field}': the schema has more than {MAX_SCHEMA_VALUES} values.", field
            )
        values, level = level, []
        for value in values:
            if isinstance(value, dict):
                pattern = value.get("pattern")
                if isinstance(pattern, str) and len(pattern) > MAX_PATTERN_CHARACTERS:
                    raise bad_request(
                        f"Invalid '{field}': a pattern has {len(pattern)} characters, "
                        f"the maximum is {MAX_PATTERN_CHARACTERS}.",
                        field,
                    )
                level.extend(value.values())
            elif isinstance(value, list):
                level.extend(value)


def _too_deep(field: str) -> Exception:
    return bad_request(f"Invalid '{field}': nested deeper than {MAX_NESTING} levels.", field)
