from __future__ import annotations

from runtime.content import errors


def test_one_class_holds_all() -> None:
    for kind in (errors.UnknownBlob, errors.UnknownName, errors.CorruptBlob, errors.DigestMismatch):
        assert issubclass(kind, errors.StoreError)
