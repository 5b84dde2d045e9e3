"""Which of the two this machine has."""

from __future__ import annotations

import sys
from pathlib import Path

from bronzewillow.service.job import UserService
from bronzewillow.service.launchd import LaunchAgent
from bronzewillow.service.systemd import SystemdUnit


def user_service(platform: str = sys.platform) -> UserService:
    """Of the user that we are."""
    return LaunchAgent(Path.home()) if platform == "darwin" else SystemdUnit(Path.home())
