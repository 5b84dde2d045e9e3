from __future__ import annotations

from itertools import count

import pytest

from runtime.streaming.tokens import LIFE_S, Tokens, TooMany


def tokens(most: int = 3) -> Tokens[str]:
    names = count()
    return Tokens(lambda: f"t{next(names)}", most)


def test_a_token_is_good_once() -> None:
    found = tokens()
    token = found.give("call", 0)
    assert found.take("other", 0) is None
    assert found.take(token, 1) == "call"
    assert found.take(token, 1) is None


def test_and_not_for_long() -> None:
    found = tokens()
    token, second = found.give("call", 0), found.give("call", 1)
    assert found.take(token, LIFE_S) is None
    assert found.take(second, LIFE_S) == "call"


def test_their_number_has_a_bound() -> None:
    found = tokens(2)
    found.give("a", 0)
    found.give("b", 30)
    with pytest.raises(TooMany):
        found.give("c", 59)
    found.give("c", LIFE_S)
    assert len(found) == 2
