from __future__ import annotations

import subprocess

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.ends import has_ended
from bronzewillow.testing.loopback import until

pytestmark = pytest.mark.loopback


def test_a_process_that_lives_one_that_is_not_waited_for_and_one_that_is() -> None:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert not has_ended(process.pid)
    process.stdin.close()
    run(until(lambda: has_ended(process.pid)))
    assert process.wait(60) == 0
    assert has_ended(process.pid)
