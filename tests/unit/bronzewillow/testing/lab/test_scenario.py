from __future__ import annotations

import asyncio
import hashlib
from collections import Counter

import pytest

from bronzewillow.testing.lab.scenario import SEED, Ending, Facts, bulk, play, scenario

SEEDS = {ending: next(s for s in range(1000) if scenario(s).ending is ending) for ending in Ending}


def told(seed: int) -> dict[str, Facts]:
    """Both ends of a story, on loopback."""
    facts: dict[str, Facts] = {}

    async def main() -> None:
        served = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            story = scenario(SEED.unpack(await reader.readexactly(SEED.size))[0])
            facts["server"] = await play("server", reader, writer, story)
            served.set()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(SEED.pack(seed))
            facts["client"] = await play("client", reader, writer, scenario(seed))
            async with asyncio.timeout(60):
                await served.wait()

    asyncio.run(main())
    return facts


def test_a_seed_is_one_story_and_there_are_many() -> None:
    assert scenario(7) == scenario(7)
    assert Counter(scenario(seed).ending for seed in range(600)).keys() == set(Ending)
    assert {0, 1} < {scenario(seed).up for seed in range(600)}


def test_contents_differ_by_way_and_have_their_size() -> None:
    story = next(scenario(s) for s in range(1000) if scenario(s).up > 70_000 and scenario(s).down > 70_000)
    up, down = story.content("up"), story.content("down")
    assert (len(up), len(down)) == (story.up, story.down)
    assert hashlib.sha256(up[:1000]).digest() != hashlib.sha256(down[:1000]).digest()


def test_a_bulk_story_is_down_and_nothing_else() -> None:
    story = scenario(bulk(1_000_000, 3))
    assert (story.up, story.down, story.ending) == (0, 1_000_000, Ending.SERVER_CLOSES)
    assert bulk(1, 0) != bulk(1, 1)


@pytest.mark.loopback
@pytest.mark.parametrize("ending", Ending)
def test_both_ends_see_the_whole_and_the_end(ending: Ending) -> None:
    seed = SEEDS[ending]
    facts = told(seed)
    assert facts["client"]["whole"] and facts["server"]["whole"]
    assert facts["client"]["received"] == scenario(seed).down
    ends = facts["client"]["end"], facts["server"]["end"]
    assert (
        ends
        == {
            Ending.CLIENT_CLOSES: ("closed", "eof"),
            Ending.SERVER_CLOSES: ("eof", "closed"),
            Ending.CLIENT_HALF_CLOSES: ("eof", "eof"),
            Ending.SERVER_HALF_CLOSES: ("eof", "eof"),
            Ending.CLIENT_ABORTS: ("aborted", "reset"),
            Ending.SERVER_ABORTS: ("reset", "aborted"),
        }[ending]
    )
