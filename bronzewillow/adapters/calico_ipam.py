"""Calico's books of addresses: pool, block, affinity and handles, read for peers and kept for our own.

Felix makes a route of an IPAMBlock whose affinity names a node with a VTEP. The other objects keep Calico's
controllers from taking our addresses for leaked ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import Cluster, Json, OwnPod, Publication, Resource, Us, Write
from bronzewillow.adapters.objects import IPV4
from bronzewillow.overlay.spec import Prefix, contains, node_address

_GROUPS = (("crd.projectcalico.org", "v1"), ("projectcalico.org", "v3"))
_ENCAPSULATES = ("Always", "CrossSubnet")
_BLOCK_LENGTHS = {4: (20, 28), 16: (116, 124)}  # of the blocks that we make: 4,096 to 16 addresses
_DEFAULT_LENGTH = {4: 26, 16: 122}


@dataclass(frozen=True, slots=True)
class Datastore:
    """The API group that holds Calico's objects."""

    group: str
    version: str

    @staticmethod
    def of(cluster: Cluster) -> Datastore | None:
        """The one that has IPPools; the older group first, as Calico's own programs look."""
        for group, version in _GROUPS:
            store = Datastore(group, version)
            if cluster.all(store.ip_pools):
                return store
        return None

    @property
    def ip_pools(self) -> Resource:
        """The resource of IPPool objects."""
        return Resource(self.group, self.version, "ippools")

    @property
    def felix_configurations(self) -> Resource:
        """The resource of FelixConfiguration objects."""
        return Resource(self.group, self.version, "felixconfigurations")

    @property
    def blocks(self) -> Resource:
        """The resource of IPAMBlock objects."""
        return Resource(self.group, self.version, "ipamblocks")

    @property
    def affinities(self) -> Resource:
        """The resource of BlockAffinity objects."""
        return Resource(self.group, self.version, "blockaffinities")

    @property
    def handles(self) -> Resource:
        """The resource of IPAMHandle objects."""
        return Resource(self.group, self.version, "ipamhandles")

    def deleted(self, value: bool) -> bool | str:
        """BlockAffinity's `deleted`, which is text in the older group."""
        return value if self.version == "v3" else str(value).lower()

    def object(self, kind: str, name: str, spec: dict[str, Any]) -> Json:
        """A whole object."""
        api = f"{self.group}/{self.version}"
        return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def pool_name(us: Us, size: int) -> str:
    """The name of this node's IPPool."""
    return f"bronzewillow-{us.name}" + ("" if size == IPV4 else "-v6")


def first_block(pool: Prefix) -> Prefix:
    """The block of a pool that this node's pods live in: the whole pool, where a block may be so large."""
    network, length = pool
    return network, max(length, _block_length(pool))


def fits(pool: Prefix) -> bool:
    """Whether a pool has room for a block."""
    return pool[1] <= _BLOCK_LENGTHS[len(pool[0])][1]


def prefixes_by_node(cluster: Cluster, store: Datastore, size: int) -> dict[str, tuple[Prefix, ...]]:
    """What each node owns: blocks with its affinity, and single addresses borrowed from another's."""
    found: dict[str, list[Prefix]] = {}
    for _, block in sorted(cluster.all(store.blocks).items()):
        fields = objects.spec_of(block)
        cidr = objects.prefix(fields.get("cidr"))
        if cidr is None or len(cidr[0]) != size or not _is_vxlan(cluster, store, cidr):
            continue
        kind, _, owner = str(fields.get("affinity") or "").partition(":")
        if kind == "host" and fields.get("deleted") is not True:
            found.setdefault(owner, []).append(cidr)
        for ordinal, attributes in _allocated(fields):
            borrower = objects.mapping(attributes.get("secondary")).get("node")
            if isinstance(borrower, str) and borrower != owner:
                found.setdefault(borrower, []).append(objects.host(_nth(cidr, ordinal)))
    return {name: tuple(dict.fromkeys(prefixes)) for name, prefixes in found.items()}


def publish(cluster: Cluster, store: Datastore, us: Us, pools: Sequence[Prefix]) -> list[Publication]:
    """Pools, affinities, blocks and handles of this node, in the order in which Calico makes them."""
    found: list[Publication] = []
    handles: dict[str, dict[str, int]] = {}
    for pool in pools:
        block = first_block(pool)
        name = _name(block)
        affinity = f"{us.name}-{name}"
        spec = _block_spec(objects.spec_of(cluster.get(store.blocks, name) or {}), us, block)
        found.append(_ensure(store.ip_pools, _pool(store, us, pool)))
        if cluster.get(store.affinities, affinity) is None:
            found.append(_ensure(store.affinities, _affinity(store, us, block, affinity, "pending")))
        found.append(_ensure(store.blocks, store.object("IPAMBlock", name, spec)))
        if cluster.get(store.affinities, affinity) is not None:
            found.append(_ensure(store.affinities, _affinity(store, us, block, affinity, "confirmed")))
        for attributes in spec["attributes"]:
            # one handle for all addresses of a pod, which may be in blocks of both families
            counts = handles.setdefault(attributes["handle_id"], {})
            text = objects.text_of_prefix(block)
            counts[text] = counts.get(text, 0) + 1
    for handle, counts in sorted(handles.items()):
        fields = {"handleID": handle, "block": counts, "deleted": False}
        found.append(_ensure(store.handles, store.object("IPAMHandle", handle.lower(), fields)))
    ours = {objects.text_of_prefix(first_block(pool)) for pool in pools}
    found += _stale_handles(cluster, store, ours, {handle.lower() for handle in handles})
    return found


def withdraw(cluster: Cluster, store: Datastore, us: Us) -> list[Publication]:
    """The reverse of `publish`, for a node that leaves for good: handles, block, affinity, pool."""
    blocks = {
        name: objects.text_of_prefix(cidr)
        for name, block in sorted(cluster.all(store.blocks).items())
        if (cidr := objects.prefix(objects.spec_of(block).get("cidr"))) is not None
        and objects.spec_of(block).get("affinity") == f"host:{us.name}"
    }
    found = _stale_handles(cluster, store, set(blocks.values()), set())
    for name in blocks:
        found.append(Publication(Write.DELETE, store.blocks, name, {}))
        found.append(Publication(Write.DELETE, store.affinities, f"{us.name}-{name}", {}))
    for size in (4, 16):
        if cluster.get(store.ip_pools, pool_name(us, size)) is not None:
            found.append(Publication(Write.DELETE, store.ip_pools, pool_name(us, size), {}))
    return found


def _block_length(pool: Prefix) -> int:
    shortest, longest = _BLOCK_LENGTHS[len(pool[0])]
    return pool[1] if shortest <= pool[1] <= longest else _DEFAULT_LENGTH[len(pool[0])]


def _pool(store: Datastore, us: Us, pool: Prefix) -> Json:
    selector = f"kubernetes.io/hostname == '{us.name}'"  # keeps other nodes from borrowing of our block
    return store.object(
        "IPPool",
        pool_name(us, len(pool[0])),
        {
            "cidr": objects.text_of_prefix(pool),
            "blockSize": _block_length(pool),
            "vxlanMode": "Always",
            "ipipMode": "Never",
            "natOutgoing": True,
            "nodeSelector": selector,
            "allowedUses": ["Workload", "Tunnel"],
        },
    )


def _affinity(store: Datastore, us: Us, block: Prefix, name: str, state: str) -> Json:
    fields = {
        "cidr": objects.text_of_prefix(block),
        "node": us.name,
        "state": state,
        "type": "host",
        "deleted": store.deleted(False),
    }
    return store.object("BlockAffinity", name, fields)


def _block_spec(observed: Json, us: Us, block: Prefix) -> dict[str, Any]:
    """The block with this node's addresses in it. Sequence numbers move only where something changes."""
    size = 1 << (8 * len(block[0]) - block[1])
    allocations: list[int | None] = [None] * size
    attributes: list[dict[str, Any]] = []
    for address, entry in _wanted(us, block):
        ordinal = int.from_bytes(address, "big") - int.from_bytes(block[0], "big")
        if allocations[ordinal] is None:
            allocations[ordinal] = len(attributes)
            attributes.append(entry)
    fields: dict[str, Any] = {
        "cidr": objects.text_of_prefix(block),
        "affinity": f"host:{us.name}",
        "strictAffinity": False,
        "deleted": False,
        "allocations": allocations,
        "unallocated": [ordinal for ordinal, index in enumerate(allocations) if index is None],
        "attributes": attributes,
    }
    sequence = observed.get("sequenceNumber")
    sequence = sequence if isinstance(sequence, int) else 0
    numbers = objects.mapping(observed.get("sequenceNumberForAllocation"))
    if any(observed.get(key) != value for key, value in fields.items()):
        sequence += 1
    fields["sequenceNumber"] = sequence
    fields["sequenceNumberForAllocation"] = {
        str(ordinal): numbers.get(str(ordinal), sequence)
        for ordinal, index in enumerate(allocations)
        if index is not None
    }
    return fields


def _wanted(us: Us, block: Prefix) -> list[tuple[bytes, dict[str, Any]]]:
    handle = f"vxlan-tunnel-addr-{us.name}" if len(block[0]) == IPV4 else f"vxlan-v6-tunnel-addr-{us.name}"
    kind = "vxlanTunnelAddress" if len(block[0]) == IPV4 else "vxlanV6TunnelAddress"
    tunnel = {"handle_id": handle, "secondary": {"node": us.name, "type": kind}}
    found = [(node_address(block), tunnel)]
    for pod in sorted(us.pods, key=lambda pod: (pod.namespace, pod.name, pod.uid)):
        found += [(address, _pod_entry(us, pod)) for address in pod.addresses if contains(block, address)]
    return found


def _pod_entry(us: Us, pod: OwnPod) -> dict[str, Any]:
    secondary = {"namespace": pod.namespace, "node": us.name, "pod": pod.name}
    return {"handle_id": f"k8s-pod-network.{pod.sandbox or pod.uid}", "secondary": secondary}


def _stale_handles(
    cluster: Cluster, store: Datastore, blocks: set[str], wanted: set[str]
) -> list[Publication]:
    """Handles of addresses in our blocks alone that nobody has any more."""
    found = []
    for name, handle in sorted(cluster.all(store.handles).items()):
        held = objects.mapping(objects.spec_of(handle).get("block"))
        if name not in wanted and held and blocks.issuperset(held):
            found.append(Publication(Write.DELETE, store.handles, name, {}))
    return found


def vxlan_families(cluster: Cluster, store: Datastore) -> set[int]:
    """The address sizes of pools that encapsulate with VXLAN."""
    found = set()
    for pool in cluster.all(store.ip_pools).values():
        fields = objects.spec_of(pool)
        network = objects.prefix(fields.get("cidr"))
        if network is not None and fields.get("vxlanMode") in _ENCAPSULATES:
            found.add(len(network[0]))
    return found


def _is_vxlan(cluster: Cluster, store: Datastore, cidr: Prefix) -> bool:
    """Whether the pool that holds a block encapsulates with VXLAN."""
    for pool in cluster.all(store.ip_pools).values():
        fields = objects.spec_of(pool)
        network = objects.prefix(fields.get("cidr"))
        if network is not None and contains(network, cidr[0]):
            return fields.get("vxlanMode") in _ENCAPSULATES
    return False


def _allocated(fields: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The ordinals in use, each with its attributes."""
    attributes = objects.items(fields.get("attributes"))
    found = []
    for ordinal, index in enumerate(objects.items(fields.get("allocations"))):
        if isinstance(index, int) and 0 <= index < len(attributes):
            found.append((ordinal, objects.mapping(attributes[index])))
    return found


def _nth(cidr: Prefix, ordinal: int) -> bytes:
    network = cidr[0]
    return (int.from_bytes(network, "big") + ordinal).to_bytes(len(network), "big")


def _name(cidr: Prefix) -> str:
    """A prefix as the name of an object: dots, colons and the slash become dashes."""
    return objects.text_of_prefix(cidr).replace(".", "-").replace(":", "-").replace("/", "-")


def _ensure(resource: Resource, body: Json) -> Publication:
    return Publication(Write.ENSURE, resource, body["metadata"]["name"], body)
