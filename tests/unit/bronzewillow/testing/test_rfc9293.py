from __future__ import annotations

import re

from bronzewillow.testing.rfc9293 import DEVIATIONS, REQUIREMENTS


def test_names_are_those_of_the_rfc() -> None:
    assert all(re.fullmatch(r"(MUST|SHLD|MAY)-\d+|REC-1", name) for name in REQUIREMENTS)


def test_no_must_and_no_should_is_left_out() -> None:
    """RFC 9293 appendix B numbers MUST 1 to 69 and SHLD 1 to 31."""
    assert {f"MUST-{n}" for n in range(1, 70)} <= REQUIREMENTS.keys()
    assert {f"SHLD-{n}" for n in range(1, 32)} <= REQUIREMENTS.keys()


def test_a_deviation_has_a_reason_and_a_requirement() -> None:
    assert DEVIATIONS.keys() <= REQUIREMENTS.keys()
    assert all(reason.endswith(".") for reason in DEVIATIONS.values())
