from __future__ import annotations

import pytest

from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.token import parse_token


def test_a_token_has_an_id_and_a_secret() -> None:
    token = parse_token(" abcdef.0123456789abcdef\n")
    assert (token.id, token.secret, token.bearer) == (
        "abcdef",
        "0123456789abcdef",
        "abcdef.0123456789abcdef",
    )


def test_its_text_does_not_show_the_secret() -> None:
    assert "0123456789abcdef" not in f"{parse_token('abcdef.0123456789abcdef')!r}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abcdef",
        "abcdef.",
        "ABCDEF.0123456789abcdef",
        "abcdef.0123456789abcde",
        "abcdef.0123456789abcdef0",
        "é",
    ],
)
def test_what_is_no_token_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"ID\.SECRET") as caught:
        parse_token(text)
    assert not text or text not in str(caught.value).replace("abcdef.0123456789abcdef", "")
