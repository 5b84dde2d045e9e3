from __future__ import annotations

from runtime.refusal import Refusal
from runtime.registry import errors


def test_all_are_registry_errors() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not Refusal]
    assert len(kinds) == 6
    assert all(issubclass(kind, errors.RegistryError) for kind in kinds)
