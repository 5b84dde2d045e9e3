from __future__ import annotations

from runtime.content.errors import StoreError
from runtime.images.errors import InvalidReference
from runtime.oci.errors import WrongStatus
from runtime.refusal import Refusal
from runtime.registry.errors import Unreachable
from runtime.snapshots.errors import NotFound


def test_what_a_user_can_mend_is_one() -> None:
    for kind in (StoreError, InvalidReference, WrongStatus, Unreachable, NotFound):
        assert issubclass(kind, Refusal)
