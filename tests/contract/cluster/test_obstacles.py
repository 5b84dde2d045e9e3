"""Something that a node needs is not there: it is named, and once it is there, all ends right."""

from __future__ import annotations

import ipaddress

import pytest

from bronzewillow.adapters.network import Cni
from bronzewillow.doctor.cluster import check_cluster
from bronzewillow.doctor.findings import Verdict
from bronzewillow.kube.resources import NODES

from .conftest import Play
from .scene import ACCOUNT, ADDRESS, Heard, Scene, until
from .worlds import POOL, US

pytestmark = pytest.mark.loopback


async def broken(scene: Scene) -> list[str]:
    """What the doctor says is broken, looking by the network's account."""

    pool = ipaddress.ip_network(POOL)
    pools = ((pool.network_address.packed, pool.prefixlen),)
    found = await check_cluster(scene.client, US, scene.world.cni, pools)
    return [
        str(one) for one in found if one.verdict is not Verdict.GOOD and not one.subject.startswith("way to")
    ]


def wanting(heard: Heard) -> str:
    """All that `bronzewillow status` would tell of obstacles."""
    network = heard.follower.network
    said = [*network.waiting_for, *map(str, network.refusals)] if network is not None else []
    return "\n".join([*said, *heard.follower.observer.missing_rights(), heard.follower.trouble])


def test_an_account_without_rights(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.lay(with_rights=False)
        await scene.add(scene.world.us(ADDRESS))
        async with scene.following() as heard:
            await until(lambda: "may not list nodes" in wanting(heard))
            lines = await broken(scene)
            assert any("may not list nodes" in line and "join --print-setup" in line for line in lines)
            await scene.grant()
            await scene.assign_pod_cidr()
            await until(lambda: heard.stands() and not heard.follower.observer.missing_rights())

    play(body)


@pytest.mark.parametrize("cni", [Cni.FLANNEL, Cni.CALICO, Cni.CILIUM], indirect=True)
def test_an_account_that_may_read_and_not_write(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.lay(with_rights=False)
        await scene.bind_reading()
        await scene.add(scene.world.us(ADDRESS))
        async with scene.following() as heard:
            await until(lambda: heard.follower.trouble)
            assert "is forbidden" in heard.follower.trouble
            assert ACCOUNT in heard.follower.trouble
            assert "join --print-setup" in heard.follower.trouble
            await scene.grant()
            await scene.assign_pod_cidr()
            await until(lambda: heard.stands() and not heard.follower.trouble)

    play(body)


@pytest.mark.parametrize("cni", [Cni.CALICO, Cni.CILIUM], indirect=True)
def test_kinds_that_the_cluster_does_not_know_yet(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.drop_crds()
        await scene.lay(with_crds=False)
        await scene.add(scene.world.us(ADDRESS))
        async with scene.following() as heard:
            kind = {"calico": "IPPool", "cilium": "ciliumnodes.cilium.io"}[scene.world.cni.value]
            await until(lambda: kind in wanting(heard))
            assert any(kind in line for line in await broken(scene))
            await scene.make_crds()
            await scene.install()
            await scene.assign_pod_cidr()
            await until(lambda: heard.stands() and heard.peers() == {"worker-1": "192.0.2.1"})
            await until(lambda: not heard.follower.trouble)

    play(body)


def test_a_cluster_without_any_cni_is_waited_for(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.lay()
        await scene.clear()
        await scene.grant()
        await scene.add(scene.world.us(ADDRESS))
        async with scene.following(named=False) as heard:
            await heard.follower.observer.settled()
            assert heard.follower.network is None
            assert heard.follower.observer.missing_rights() == ()
            await scene.install()
            await scene.assign_pod_cidr()
            await until(heard.stands)
            assert heard.last.cni is scene.world.cni
            assert (await scene.admin.get(NODES, US))["metadata"]["name"] == US

    play(body)
