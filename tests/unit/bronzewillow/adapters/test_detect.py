"""Which CNI a cluster runs."""

from __future__ import annotations

from bronzewillow.adapters.calico_ipam import Datastore
from bronzewillow.adapters.detect import ADAPTERS, ANTREA_AGENT_INFOS, detect
from bronzewillow.adapters.network import NODES, Cluster, Cni

CALICO_NODE = {"metadata": {"annotations": {"projectcalico.org/IPv4Address": "192.0.2.1/24"}}}
CANAL_NODE = {
    "metadata": {
        "annotations": {
            "projectcalico.org/IPv4Address": "192.0.2.1/24",
            "flannel.alpha.coreos.com/backend-type": "vxlan",
        }
    }
}


def pools(mode: str) -> dict[str, dict[str, object]]:
    return {"default": {"spec": {"cidr": "10.64.0.0/16", "vxlanMode": mode}}}


def test_calicos_policies_over_flannels_network_are_flannels() -> None:
    store = Datastore("crd.projectcalico.org", "v1")
    assert detect(Cluster({NODES: {"a": CANAL_NODE}})) is Cni.FLANNEL
    assert detect(Cluster({NODES: {"a": CANAL_NODE}, store.ip_pools: pools("Never")})) is Cni.FLANNEL
    assert detect(Cluster({NODES: {"a": CANAL_NODE}, store.ip_pools: pools("Always")})) is Cni.CALICO
    assert detect(Cluster({NODES: {"a": CALICO_NODE}})) is None


def test_antrea_shows_itself_by_its_own_objects() -> None:
    assert detect(Cluster({ANTREA_AGENT_INFOS: {"worker-1": {}}})) is Cni.ANTREA


def test_every_cni_has_an_adapter() -> None:
    assert set(ADAPTERS) == set(Cni)
