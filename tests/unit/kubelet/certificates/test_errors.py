from __future__ import annotations

import pytest

from kubelet.certificates import errors
from kubelet.refusal import Refusal


@pytest.mark.parametrize(
    "kind",
    [errors.InvalidArgument, errors.NotTrusted, errors.Denied, errors.Unavailable, errors.FailedPrecondition],
)
def test_each_ends_a_command_in_one_line(kind: type[errors.IdentityError]) -> None:
    assert isinstance(kind("text"), Refusal)
