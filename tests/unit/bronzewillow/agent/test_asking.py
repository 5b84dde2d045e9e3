from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.agent import asking
from bronzewillow.host.command import CommandError
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server, unix_socket_path

pytestmark = pytest.mark.loopback


def test_an_agent_that_does_not_answer_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_ANSWER_LIMIT_S", 0.05)

    async def main() -> None:
        async def say_nothing(wire: Wire) -> None:
            await wire.rest()

        async with unix_socket_path() as path, unix_server(path, say_nothing):
            with pytest.raises(CommandError, match=r"the agent has not answered for 0.05 s"):
                await asking.get_json(Path(path), "/status")

    run(main())
