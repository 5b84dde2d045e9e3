from __future__ import annotations

import pytest

from runtime.snapshots import errors


def test_every_refusal_is_a_snapshot_error() -> None:
    kinds = (errors.AlreadyExists, errors.NotFound, errors.FailedPrecondition, errors.InvalidArgument)
    for kind in (*kinds, errors.Unavailable):
        with pytest.raises(errors.SnapshotError, match="why"):
            raise kind("why")
