from __future__ import annotations

from bronzewillow.supervise.errors import UpError


def test_it_is_one_line() -> None:
    assert str(UpError("agent: ended")) == "agent: ended"
