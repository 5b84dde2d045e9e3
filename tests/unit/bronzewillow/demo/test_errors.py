"""Why a demo could not be shown reaches the terminal as it was written."""

from __future__ import annotations

from bronzewillow.demo.errors import DemoError


def test_it_is_its_line() -> None:
    assert str(DemoError("the model could not be fetched")) == "the model could not be fetched"
    assert not isinstance(DemoError(), OSError)  # those are told apart by the command
