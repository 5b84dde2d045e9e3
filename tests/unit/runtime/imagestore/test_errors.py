from __future__ import annotations

from runtime.imagestore.errors import ArchiveError, BuildError


def test_they_are_told_apart() -> None:
    assert not issubclass(ArchiveError, BuildError)
    assert str(BuildError("a line")) == "a line"
