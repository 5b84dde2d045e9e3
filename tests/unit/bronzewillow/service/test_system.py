from __future__ import annotations

from bronzewillow.service.launchd import LaunchAgent
from bronzewillow.service.system import user_service
from bronzewillow.service.systemd import SystemdUnit


def test_each_system_has_its_own() -> None:
    assert isinstance(user_service("darwin"), LaunchAgent)
    assert isinstance(user_service("linux"), SystemdUnit)
