from __future__ import annotations

from kubelet.membership.errors import MembershipError
from kubelet.refusal import Refusal


def test_it_ends_a_command_in_one_line() -> None:
    assert isinstance(MembershipError("text"), Refusal)
