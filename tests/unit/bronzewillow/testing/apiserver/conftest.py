"""A server in memory whose parts are used without HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bronzewillow.testing.apiserver import seed
from bronzewillow.testing.apiserver.server import ApiServer


class Clock:
    """Stands still."""

    def __init__(self) -> None:
        self.now = datetime(2025, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> ApiServer:
    """Seeded; it does not listen."""
    made = ApiServer(clock, bookmark_s=60)
    for resource, obj in seed.at_start(made.authority.ca_pem):
        made.make(resource, obj)
    return made
