"""The same stories told to our TCP and to the kernel's, behind the same relay: the facts must be the same.

make differential STORIES=300
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from bronzewillow.testing.lab.features import missing
from bronzewillow.testing.lab.plan import Plan
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.scenario import scenario
from bronzewillow.testing.lab.topology import Topology, build
from bronzewillow.testing.lab.two_stacks import KERNEL, USERSPACE, Run, goodput, kernel_vtep, tell

pytestmark = pytest.mark.lab

STORIES = int(os.environ.get("STORIES", "60"))
AT_LEAST = 0.9 if STORIES >= 300 else 0.6
"""Of the kernel's goodput. A hundred connections of a megabyte leave a tenth either way to chance, and a busy
machine takes another; a recovery that waits for time-outs has less than half."""
ROADS = {
    "clean": Impairment(),
    "rough": Impairment(loss=0.02, duplicate=0.02, reorder=0.05, delay_ms=2),
    "lossy": Impairment(loss=0.05, delay_ms=1),
}


@pytest.fixture
def topology() -> Iterator[Topology]:
    for feature in ("netns", "vxlan"):
        if reason := missing(feature):
            pytest.skip(f"{feature}: {reason}")
    with build(Plan(relayed=True)) as built:
        yield built


def without_times(run: Run) -> Run:
    """Nor the state, which is checked here: who closes first is in TIME-WAIT, if a RST has not ended that.

    A copy of the last ACK, which meets nobody, is answered by one (RFC 1337).
    """
    clients = []
    for facts in run[0]:
        who, how = scenario(int(facts["seed"])).ending.split(" ", 1)
        closes_first = who == "client" and how != "aborts"
        assert facts["state"] == "gone" or (closes_first and facts["state"] == "TIME_WAIT"), facts
        clients.append({name: value for name, value in facts.items() if name not in ("seconds", "state")})
    return clients, run[1]


@pytest.mark.parametrize("road", ROADS)
def test_the_facts_are_those_of_the_kernel(topology: Topology, road: str) -> None:
    seeds = [random.Random(f"{road} {n}").getrandbits(62) for n in range(STORIES)]
    with kernel_vtep(topology):
        kernel = without_times(tell(topology, KERNEL, ROADS[road], seeds))
    ours = without_times(tell(topology, USERSPACE, ROADS[road], seeds))
    different = [
        f"{scenario(seed)}\n  kernel: {theirs}\n  ours:   {mine}"
        for side in (0, 1)
        for seed, theirs, mine in zip(sorted(seeds), kernel[side], ours[side], strict=True)
        if theirs != mine
    ]
    assert not different, "\n".join(different)
    assert all(facts["whole"] for side in ours for facts in side)
    endings = Counter(facts["end"] for side in ours for facts in side)
    assert {"eof", "reset", "closed", "aborted"} <= endings.keys(), "some ending was never told"


@pytest.mark.perf  # on a machine that does nothing else; tests/sim/goodput.txt is for all machines
@pytest.mark.parametrize(("rtt_ms", "at_once"), [(10, 4), (50, 16)])
def test_goodput_at_one_percent_loss_is_near_the_kernels(
    topology: Topology, rtt_ms: int, at_once: int
) -> None:
    """Many connections of a megabyte, in turns: a single early loss decides how long one of them takes.

    No more at once than two cores carry on time: with sixteen at 10 ms frames waited for the relay, and ACKs
    for our process, so that a round trip took 26 ms.
    """
    road = Impairment(loss=0.01, delay_ms=rtt_ms / 2)
    found = goodput(topology, road, 1_000_000, max(STORIES // 2, 24), at_once)
    line = f"{rtt_ms} ms, 1 %: ours {found.ours:.2f} Mbit/s, kernel {found.kernel:.2f}: {found.ratio:.2f}"
    sys.stderr.write(f"\n{line}\n")
    assert found.ratio >= AT_LEAST, line
