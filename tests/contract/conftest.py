"""A real control plane where K8S_BIN names one: what plays on a double plays on it, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bronzewillow.testing.control_plane.plane import ControlPlane, control_plane

K8S_BIN = os.environ.get("K8S_BIN", "")


@pytest.fixture(scope="session")
def real_plane() -> Iterator[ControlPlane]:
    """One for all cases."""
    with control_plane(Path(K8S_BIN)) as plane:
        yield plane
