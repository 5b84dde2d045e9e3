"""The kinds of objects that tell of a cluster's network. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bronzewillow.adapters import network
from bronzewillow.adapters.network import Cni
from bronzewillow.kube import resources
from bronzewillow.kube.client import Selection
from bronzewillow.kube.resources import Resource

_CALICO_GROUPS = (("crd.projectcalico.org", "v1"), ("projectcalico.org", "v3"))
_CALICO_KINDS = (
    ("felixconfigurations", "FelixConfiguration"),
    ("ipamblocks", "IPAMBlock"),
    ("blockaffinities", "BlockAffinity"),
    ("ipamhandles", "IPAMHandle"),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A set of objects that is watched."""

    resource: Resource
    selection: Selection = field(default_factory=Selection)
    page_items: int = 100
    """Of a list; a page is parsed in one go on the loop that moves packets."""
    step_changes: int = 50
    """Of a list that has come whole; a step of it is taken over in one go."""

    @property
    def key(self) -> network.Resource:
        """The kind as adapters name it."""
        return network.Resource(self.resource.group, self.resource.version, self.resource.plural)


def _cluster_kind(group: str, version: str, plural: str, kind: str) -> Watched:
    return Watched(Resource(group, version, plural, kind, namespaced=False))


def _config_map(namespace: str, name: str) -> Watched:
    # one name at a time: a right to read all of a namespace's ConfigMaps is more than is needed
    return Watched(resources.CONFIG_MAPS, Selection(namespace, fields=f"metadata.name={name}"))


NODES = Watched(resources.NODES, page_items=50)  # some 15 KB each, most of it images
_FLANNEL_CONFIG = (
    _config_map("kube-flannel", "kube-flannel-cfg"),
    _config_map("kube-system", "kube-flannel-cfg"),
)
_ANTREA_CONFIG = (_config_map("kube-system", "antrea-config"),)
_CILIUM_CONFIG = (_config_map("kube-system", "cilium-config"),)
_CILIUM_NODES = _cluster_kind("cilium.io", "v2", "ciliumnodes", "CiliumNode")
_ANTREA_INFOS = _cluster_kind("crd.antrea.io", "v1beta1", "antreaagentinfos", "AntreaAgentInfo")
_POOLS = tuple(_cluster_kind(group, version, "ippools", "IPPool") for group, version in _CALICO_GROUPS)

TELLING = (NODES, *_CILIUM_CONFIG, _CILIUM_NODES, *_ANTREA_CONFIG, _ANTREA_INFOS, *_POOLS)
"""What shows which CNI a cluster runs."""

PODS = Watched(resources.PODS)
NAMESPACES = Watched(resources.NAMESPACES)
NETWORK_POLICIES = Watched(resources.NETWORK_POLICIES)
POLICY = (PODS, NAMESPACES, NETWORK_POLICIES)
"""What policies are made of. Our own pods are among them."""

SERVICES = Watched(resources.SERVICES)
ENDPOINT_SLICES = Watched(
    resources.ENDPOINT_SLICES, page_items=10, step_changes=5
)  # a hundred endpoints each
SERVICE_KINDS = (SERVICES, ENDPOINT_SLICES)
"""What balancing is made of."""

BY_CNI: dict[Cni, tuple[Watched, ...]] = {
    Cni.FLANNEL: (NODES, *_FLANNEL_CONFIG),
    Cni.ANTREA: (NODES, *_ANTREA_CONFIG),
    Cni.CALICO: (
        NODES,
        *_POOLS,
        *(_cluster_kind(*group, *kind) for group in _CALICO_GROUPS for kind in _CALICO_KINDS),
    ),
    Cni.CILIUM: (
        NODES,
        *_CILIUM_CONFIG,
        _CILIUM_NODES,
        _cluster_kind("cilium.io", "v2", "ciliumidentities", "CiliumIdentity"),
        Watched(Resource("cilium.io", "v2", "ciliumendpoints", "CiliumEndpoint")),
        NAMESPACES,
    ),
}
"""What each adapter reads."""


def kinds_of(cni: Cni) -> dict[network.Resource, Resource]:
    """The kinds that its adapter may publish, by the names that it gives them."""
    return {watched.key: watched.resource for watched in BY_CNI[cni]}
