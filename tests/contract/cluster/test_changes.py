"""A cluster changes under a node: each change ends right."""

from __future__ import annotations

import pytest

from bronzewillow.adapters.network import Cni, Write
from bronzewillow.kube.resources import NODES

from .conftest import Play
from .scene import ADDRESS, Scene, notes, until
from .worlds import US

pytestmark = pytest.mark.loopback
MOVED = "192.0.2.78"


def test_nodes_come_move_and_go(play: Play) -> None:
    async def body(scene: Scene) -> None:
        async with scene.joined() as heard:
            await until(lambda: heard.peers() == {"worker-1": "192.0.2.1"})
            second = scene.world.worker(2, "192.0.2.2")
            await scene.add(*second)
            await until(lambda: heard.peers() == {"worker-1": "192.0.2.1", "worker-2": "192.0.2.2"})
            await scene.remove(*second)
            await until(lambda: heard.peers() == {"worker-1": "192.0.2.1"})
            await scene.add(*scene.world.worker(2, "192.0.2.3"))
            await until(lambda: heard.peers() == {"worker-1": "192.0.2.1", "worker-2": "192.0.2.3"})
            await until(heard.stands)

    play(body)


def test_our_address_changes_and_peers_can_read_the_new_one(play: Play) -> None:
    async def body(scene: Scene) -> None:
        async with scene.joined() as heard:
            await until(lambda: heard.address() == ADDRESS and heard.stands())
            await scene.move(US, MOVED)
            await until(lambda: heard.address() == MOVED and heard.stands())
            told = repr(heard.last.publications)
            assert ADDRESS not in told
            assert MOVED in told or heard.last.cni is Cni.ANTREA  # whose peers read the Node's own address

    play(body)


def test_our_node_is_deleted_and_made_anew(play: Play) -> None:
    async def body(scene: Scene) -> None:
        async with scene.joined() as heard:
            await until(heard.stands)
            await scene.admin.delete(NODES, US)
            await until(lambda: heard.last.waiting_for == (f"the Node {US}",))
            await scene.add(scene.world.us(MOVED))
            await scene.assign_pod_cidr()
            await until(lambda: heard.address() == MOVED and heard.stands())
            node = await scene.admin.get(NODES, US)
            assert notes(heard.last).items() <= node["metadata"].get("annotations", {}).items()
            owners = [
                owner["uid"]
                for one in heard.last.publications
                for owner in one.body.get("metadata", {}).get("ownerReferences", ())
            ]
            assert set(owners) <= {node["metadata"]["uid"]}
            assert bool(owners) == (heard.last.cni is Cni.CILIUM)

    play(body)


@pytest.mark.parametrize("cni", [Cni.FLANNEL, Cni.CALICO, Cni.ANTREA], indirect=True)
def test_annotations_that_somebody_removes_are_published_again(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.lay()
        await scene.add(scene.world.us(ADDRESS))
        if scene.world.cni is Cni.ANTREA:  # it needs one only where something else is said of us
            foreign = {"node.antrea.io/transport-addresses": "192.0.2.200"}
            await scene.change(NODES, US, {"metadata": {"annotations": foreign}})
        async with scene.following() as heard:
            await until(heard.stands)
            wanted = notes(heard.last)
            assert wanted or scene.world.cni is Cni.ANTREA
            hand = dict.fromkeys(wanted, "192.0.2.201" if scene.world.cni is Cni.ANTREA else None)
            await scene.change(NODES, US, {"metadata": {"annotations": hand}})

            async def is_mended() -> bool:
                found = (await scene.admin.get(NODES, US))["metadata"].get("annotations", {})
                return notes(heard.last).items() <= found.items() and "192.0.2.201" not in found.values()

            await until(is_mended)

    play(body)


@pytest.mark.parametrize("cni", [Cni.CALICO, Cni.CILIUM], indirect=True)
def test_objects_that_somebody_removes_are_made_again(play: Play) -> None:
    async def body(scene: Scene) -> None:
        async with scene.joined() as heard:
            await until(heard.stands)
            made = [one for one in heard.last.publications if one.write is Write.ENSURE]
            assert made
            kinds = {one.plural: one for one in scene.world.kinds.values()}
            for one in made:
                await scene.admin.delete(kinds[one.resource.plural], one.name)
            await scene.assign_pod_cidr()
            for one in made:
                await until(lambda one=one: scene._is_there(kinds[one.resource.plural], one.name))  # type: ignore[misc]
            await until(heard.stands)

    play(body)


@pytest.mark.parametrize("cni", [Cni.FLANNEL, Cni.ANTREA, Cni.CILIUM], indirect=True)
def test_a_range_for_pods_that_comes_late(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.lay()
        async with scene.following() as heard:
            await until(lambda: heard.networks and heard.last.waiting_for == (f"the Node {US}",))
            await scene.add(scene.world.us(ADDRESS, has_cidr=False))
            await scene.assign_pod_cidr()
            await until(heard.stands)
            waits = [text for network in heard.networks for text in network.waiting_for]
            assert waits[0] == f"the Node {US}"
            assert all("podCIDR" in text for text in waits[1:])
            for network in heard.networks:  # peers give up on annotations without a range, for good
                assert network.overlays or not notes(network)

    play(body)
