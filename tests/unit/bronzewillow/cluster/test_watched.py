"""What is watched, and with which rights."""

from __future__ import annotations

from bronzewillow.adapters import cilium_identity, detect, network
from bronzewillow.adapters.calico_ipam import Datastore
from bronzewillow.adapters.network import Cni
from bronzewillow.cluster.watched import BY_CNI, TELLING, kinds_of


def test_every_kind_that_tells_of_a_cni_is_watched() -> None:
    keys = {watched.key for watched in TELLING}
    store = Datastore("crd.projectcalico.org", "v1")
    assert {network.NODES, network.CONFIG_MAPS, store.ip_pools} <= keys
    assert {cilium_identity.CILIUM_NODES, detect.ANTREA_AGENT_INFOS} <= keys


def test_every_cni_has_its_kinds() -> None:
    assert set(BY_CNI) == set(Cni)
    for store in (Datastore("crd.projectcalico.org", "v1"), Datastore("projectcalico.org", "v3")):
        calicos = {store.ip_pools, store.felix_configurations, store.blocks, store.affinities, store.handles}
        assert calicos <= set(kinds_of(Cni.CALICO))
    ciliums = {
        cilium_identity.CILIUM_NODES,
        cilium_identity.CILIUM_IDENTITIES,
        cilium_identity.CILIUM_ENDPOINTS,
    }
    assert {*ciliums, network.NAMESPACES} <= set(kinds_of(Cni.CILIUM))
    assert network.NODES in kinds_of(Cni.ANTREA)


def test_config_maps_are_read_one_by_one() -> None:
    for watched in (*TELLING, *(one for found in BY_CNI.values() for one in found)):
        if watched.key == network.CONFIG_MAPS:
            assert watched.selection.namespace
            assert watched.selection.fields.startswith("metadata.name=")
