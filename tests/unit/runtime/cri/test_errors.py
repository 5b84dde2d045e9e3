from __future__ import annotations

from runtime.cri import errors
from runtime.refusal import Refusal


def test_each_has_a_status_of_its_own() -> None:
    kinds = errors.CriError.__subclasses__()
    assert len({kind.status for kind in kinds}) == len(kinds) == 8
    assert all(issubclass(kind, Refusal) for kind in kinds)
