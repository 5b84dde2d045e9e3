from __future__ import annotations

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.up_processes import node_place

pytestmark = pytest.mark.loopback


def test_nothing_lives_on_afterwards() -> None:
    async def main() -> None:
        async with place.up() as up:
            with pytest.raises(AssertionError, match="no 'such line' in:"):
                up.process.terminate()
                await up.until("such line")
        async with place.up() as up:
            await up.until("agent is ready")
        agent = place.daemon("agent")  # as `up` was killed
        assert agent in place.processes()
        assert "agent" in place.commands()[agent.pid]

    with node_place() as place:
        place.write("a", image="b", args="--verbose")
        assert "image: b, args: [--verbose]" in (place.pods / "a.yaml").read_text()
        with pytest.raises(AssertionError, match="No such command"):
            run(place.program("bronzewillow", "dance"))
        run(main())
    assert not place.folder.exists()
