from __future__ import annotations

import pytest

from bronzewillow.supervise.container_restarts import POLICY, WAIT_S, restarts_in_s

S = 1_000_000_000


@pytest.mark.parametrize(
    ("policy", "wait", "exit_code", "in_s"),
    [
        ("Always", "20", 0, 15.0), ("Always", "20", 1, 15.0), ("OnFailure", "20", 1, 15.0),
        ("OnFailure", "20", 0, None), ("Never", "20", 1, None), ("", "20", 1, None),
        ("Always", "0", 1, 0.0), ("Always", "4", 1, 0.0), ("Always", "", 1, None), ("Always", "-1", 1, None),
        ("Always", "²", 1, None), ("Always", "9" * 4000, 1, None),
    ],
)  # fmt: skip
def test_five_seconds_after_its_end(policy: str, wait: str, exit_code: int, in_s: float | None) -> None:
    said = {POLICY: policy, WAIT_S: wait}
    assert restarts_in_s(said, exit_code, 90 * S, 100 * S, 105 * S) == in_s


def test_of_one_that_nobody_has_written_on() -> None:
    assert restarts_in_s({}, 1, 90 * S, 100 * S, 105 * S) is None


def test_a_long_run_is_not_waited_for() -> None:
    said = {POLICY: "Always", WAIT_S: "300"}
    assert restarts_in_s(said, 1, 0, 600 * S, 601 * S) == 299.0
    assert restarts_in_s(said, 1, 0, 600 * S + 1, 601 * S) == 0.0


def test_a_clock_that_was_set_back_makes_no_wait_longer() -> None:
    assert restarts_in_s({POLICY: "Always", WAIT_S: "20"}, 1, 90 * S, 100 * S, 50 * S) == 20.0
