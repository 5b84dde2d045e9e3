from __future__ import annotations

import pytest

from kubelet.node import errors
from kubelet.refusal import Refusal


@pytest.mark.parametrize("kind", [errors.AlreadyExists, errors.FailedPrecondition, errors.Unavailable])
def test_each_ends_a_command_in_one_line(kind: type[errors.NodeError]) -> None:
    assert isinstance(kind("text"), Refusal)
