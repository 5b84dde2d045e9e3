"""The forms of a raw input."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.openai.errors import ApiError
from runtime.openai.prompts import parse_inputs


@pytest.mark.parametrize(
    ("value", "inputs"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1], [2, 3]], ((1,), (2, 3))),
        (["a", [1]], ("a", (1,))),
    ],
)
def test_forms(value: Any, inputs: tuple[Any, ...]) -> None:
    assert parse_inputs({"input": value}, "input") == inputs


@pytest.mark.parametrize("value", [None, 5, {}, [], [[]], [1, "a"], [True], [[-1]], ["a"] * 3000])
def test_refusals(value: Any) -> None:
    with pytest.raises(ApiError) as caught:
        parse_inputs({"input": value}, "input")
    assert caught.value.status == 400
