from __future__ import annotations

import pytest

from runtime.cri.errors import Unavailable
from runtime.cri.waiting import Waiting


def test_what_is_waited_for_and_what_was_refused() -> None:
    waiting = Waiting()
    assert waiting.of("a") == ""
    with waiting.noted("a", "one", "one is pulled"):
        assert waiting.of("a") == "one is pulled"
        with pytest.raises(Unavailable), waiting.noted("a", "two", "two is made"):
            raise Unavailable("no room")
        assert waiting.of("a") == "no room; one is pulled"
    assert waiting.of("a") == "no room"
    with waiting.noted("a", "two", "two is made"):
        assert waiting.of("a") == "two is made"
    assert waiting.of("a") == ""


def test_who_gives_up_waits_for_nothing_and_who_is_gone_is_forgotten() -> None:
    waiting = Waiting()
    with pytest.raises(KeyboardInterrupt), waiting.noted("a", "one", "one is pulled"):
        raise KeyboardInterrupt
    assert waiting.of("a") == ""
    with pytest.raises(OSError, match="full"), waiting.noted("a", "one", "one is pulled"):
        raise OSError("full")
    waiting.forget("a")
    assert waiting.of("a") == ""
    with pytest.raises(Unavailable), waiting.noted("a", "one", "one is pulled"):
        waiting.forget("a")
        raise Unavailable("no room")
    assert waiting.of("a") == ""
