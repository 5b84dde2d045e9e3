"""A node below one folder, brought up by the program itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bronzewillow.testing.up_processes import Place, node_place


@pytest.fixture
def place() -> Iterator[Place]:
    with node_place() as place:
        yield place
