"""What a grammar or a schema may cost."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.openai.errors import ApiError
from runtime.openai.grammars import (
    MAX_GRAMMAR_CHARACTERS,
    MAX_NESTING,
    MAX_PATTERN_CHARACTERS,
    MAX_SCHEMA_VALUES,
    check_grammar,
    check_schema,
)


def nested_grammar(depth: int, filler: str = "") -> str:
    return "root ::= " + f"({filler} " * depth + '"a"' + ")" * depth


def nested_schema(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def refusal(check: Any, value: object) -> str:
    with pytest.raises(ApiError) as caught:
        check(value, "field")
    assert caught.value.status == 400
    assert caught.value.body["error"]["param"] == "field"
    return str(caught.value)


@pytest.mark.parametrize("filler", ["", '")"', '"\\")"', "[)]", "[\\])]", "<)>", "# )\n"])
def test_grammars_that_are_too_deep(filler: str) -> None:
    check_grammar(nested_grammar(MAX_NESTING, filler), "field")
    assert "deeper than 200 levels" in refusal(check_grammar, nested_grammar(MAX_NESTING + 1, filler))


def test_parentheses_that_do_not_nest() -> None:
    check_grammar("root ::= " + '"(" [(] ' * 1_000, "field")
    check_grammar('root ::= "' + "(" * 1_000, "field")


def test_a_grammar_that_is_too_long() -> None:
    assert "65537 characters" in refusal(check_grammar, "a" * (MAX_GRAMMAR_CHARACTERS + 1))


def test_schemas_that_are_too_deep() -> None:
    check_schema(nested_schema(MAX_NESTING - 1), "field")
    assert "deeper" in refusal(check_schema, nested_schema(MAX_NESTING))


def test_schemas_that_are_too_large() -> None:
    def chain(length: int) -> dict[str, Any]:
        """What is flat to look at, and deep to follow."""
        links = {str(index): {"$ref": f"#/$defs/{index + 1}"} for index in range(length)}
        return {"$ref": "#/$defs/0", "$defs": links}

    check_schema(chain((MAX_SCHEMA_VALUES - 3) // 2), "field")
    assert "2000 values" in refusal(check_schema, chain(MAX_SCHEMA_VALUES // 2))
    assert "2000 values" in refusal(check_schema, {"enum": list(range(MAX_SCHEMA_VALUES))})


def test_patterns_that_are_too_long() -> None:
    check_schema({"properties": {"pattern": {"type": "string"}}}, "field")
    check_schema({"items": {"pattern": "a" * MAX_PATTERN_CHARACTERS}}, "field")
    told = refusal(check_schema, {"items": [{"pattern": "a" * (MAX_PATTERN_CHARACTERS + 1)}]})
    assert "a pattern has 1001 characters" in told
