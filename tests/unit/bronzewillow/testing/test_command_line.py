from __future__ import annotations

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.command_line import bronzewillow

pytestmark = pytest.mark.loopback


def test_it_has_both_outputs_and_the_exit_code() -> None:
    good, wrong = run(bronzewillow("--version")), run(bronzewillow("no-such-verb"))
    assert (good.code, good.err) == (0, "")
    assert good.out.startswith("bronzewillow ")
    assert (wrong.code, wrong.out) == (2, "")
    assert "no-such-verb" in wrong.err
