from __future__ import annotations

from runtime.oci import errors


def test_one_class_holds_all_refusals() -> None:
    for kind in (errors.BundleError, errors.NoSuchContainer, errors.ContainerExists, errors.WrongStatus):
        assert issubclass(kind, errors.RuntimeRefusal)
