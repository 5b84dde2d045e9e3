"""Antrea in encap mode: Open vSwitch, and a pipeline that does what antrea-agent's does.

Of the tunnel the pipeline looks at nothing but its port: any VNI, any inner MAC. What it sends has no VNI,
the gateway's MAC as source and the global virtual MAC as destination. A pod's call of a Service is translated
in the switch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from bronzewillow.adapters.network import Cluster, Cni
from bronzewillow.testing.lab.netns import CUBIC, join, like_a_cable
from bronzewillow.testing.lab.peers.family import V4, V6, Family, nth
from bronzewillow.testing.lab.peers.kube_proxy import SERVICE_PORT, TARGET_PORT
from bronzewillow.testing.lab.peers.openvswitch import OpenVSwitch
from bronzewillow.testing.lab.peers.peer import (
    MAC_NODE,
    OUT_MTU,
    WORKER_NODE,
    Document,
    Peer,
    nodad,
    node_document,
)

_VIRTUAL_MAC = "aa:bb:cc:dd:ee:ff"
_GATEWAY = "antrea-gw0"
_TUNNEL_PORT, _GATEWAY_PORT, _FIRST_POD_PORT = 1, 2, 3
_ARP, _ZONE, _STATE, _SERVICES, _ROUTING, _COMMIT, _OUTPUT = 5, 10, 20, 30, 50, 60, 70
_TRACK = {4: "ct({0}zone=65520{1})", 6: "ct({0}zone=65510{1})"}
_FROM_TUNNEL, _FROM_GATEWAY, _FROM_POD = 1, 2, 3  # in reg0; the port to leave by is in reg1


class Antrea(Peer):
    """antrea-agent's node."""

    cni = Cni.ANTREA
    features = ("openvswitch",)
    encap: ClassVar[str] = "geneve"
    conf: ClassVar[str] = "trafficEncapMode: encap\ntunnelCsum: true\n"

    def host_source(self, family: Family) -> str:
        return nth(family.worker_cidr, 1)

    def documents(self) -> list[Document]:
        return [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"namespace": "kube-system", "name": "antrea-config"},
                "data": {"antrea-agent.conf": self.conf},
            },
            node_document(WORKER_NODE, self.families),
            node_document(MAC_NODE, self.families),
        ]

    def lay(self) -> None:
        self._switch = OpenVSwitch(self.site.worker, self.site.scratch / "ovs", self.site.folder)
        self._lay_physical()
        self._lay_integration()
        self._lay_pods()
        for family in self.families:
            self._masquerade(family)
        self._switch.replace_flows("br-int", self._flows({}), self._groups())

    def follow(self, cluster: Cluster) -> bool:
        node = cluster.node(MAC_NODE) or {}
        peers = {}
        for family in self.families:
            cidr = _of(family, node.get("spec", {}).get("podCIDRs", []))
            outer = _of(family, [one["address"] for one in node.get("status", {}).get("addresses", [])])
            if not cidr or not outer:
                return False
            peers[family] = cidr, outer
            self._route(family, cidr)
        self._switch.replace_flows("br-int", self._flows(peers), self._groups())
        return True

    @property
    def pod_mtu(self) -> int:
        """A tunnel over IPv6 costs 20 bytes more, of all packets."""
        return OUT_MTU - max(family.outer_bytes for family in self.families)

    # ---- devices

    def _lay_physical(self) -> None:
        """The underlay's address is on a bridge, as the tunnel finds its own way and its neighbours there."""
        worker = self.site.worker
        mac = worker.run("cat", "/sys/class/net/out0/address").strip()
        self._switch.configure(
            *("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev"),
            *("fail-mode=standalone", f"other-config:hwaddr={mac}", "--", "add-port", "br-phy", "out0"),
        )
        self._switch.hide_from_kernel("out0")
        worker.ip("addr", "flush", "dev", "out0", "scope", "global")
        worker.ip("link", "set", "br-phy", "up", "mtu", str(OUT_MTU))
        like_a_cable(worker, "br-phy")
        for family in self.underlays:
            address = f"{family.worker_out}/{family.out_length}"
            worker.ip("addr", "add", address, "dev", "br-phy", *nodad(family))
            default = (family.flag, "route", "replace", "default", "via", family.router_out)
            worker.ip(*default, "dev", "br-phy")

    def _lay_integration(self) -> None:
        worker = self.site.worker
        tunnel = (f"type={self.encap}", f"ofport_request={_TUNNEL_PORT}")
        by_flow: tuple[str, ...] = ("options:key=flow", "options:remote_ip=flow")
        if "tunnelCsum: true" in self.conf:
            by_flow += ("options:csum=true",)
        self._switch.configure(
            *(
                "add-br",
                "br-int",
                "--",
                "set",
                "bridge",
                "br-int",
                "datapath_type=netdev",
                "fail-mode=secure",
            ),
            *("--", "add-port", "br-int", "antrea-tun0"),
            *("--", "set", "interface", "antrea-tun0", *tunnel, *by_flow),
            *("--", "add-port", "br-int", _GATEWAY),
            *("--", "set", "interface", _GATEWAY, "type=internal", f"ofport_request={_GATEWAY_PORT}"),
        )
        worker.ip("link", "set", _GATEWAY, "up", "mtu", str(self.pod_mtu))
        like_a_cable(worker, _GATEWAY)
        self._gateway_mac = worker.run("cat", f"/sys/class/net/{_GATEWAY}/address").strip()
        for family in self.families:
            length = family.worker_cidr.rpartition("/")[2]
            address = f"{self.host_source(family)}/{length}"
            worker.ip("addr", "add", address, "dev", _GATEWAY, *nodad(family))

    def _lay_pods(self) -> None:
        worker = self.site.worker
        self._pod_macs = []
        for number, pod in enumerate(self.site.pods):
            device = f"veth{number}"
            join(worker, device, pod, "eth0", self.pod_mtu)
            like_a_cable(worker, device)
            like_a_cable(pod, "eth0")
            self._pod_macs.append(pod.run("cat", "/sys/class/net/eth0/address").strip())
            self._switch.hide_from_kernel(device)
            port = f"ofport_request={_FIRST_POD_PORT + number}"
            self._switch.configure("add-port", "br-int", device, "--", "set", "interface", device, port)
            for family in self.families:
                length = family.worker_cidr.rpartition("/")[2]
                address = f"{self.worker_pods(family)[number]}/{length}"
                pod.ip("addr", "add", address, "dev", "eth0", *nodad(family))
                gateway = self.host_source(family)
                pod.ip(family.flag, "route", "add", "default", "via", gateway, *CUBIC)

    def _route(self, family: Family, cidr: str) -> None:
        """The worker's own way to our pods: our gateway, for which the switch answers."""
        worker, gateway = self.site.worker, nth(cidr, 1)
        if family is V6:  # no question is asked there: the neighbour is static
            neighbour = ("neigh", "replace", gateway, "lladdr", _VIRTUAL_MAC, "dev", _GATEWAY)
            worker.ip(*neighbour, "nud", "permanent")
        way = ("via", gateway, "dev", _GATEWAY, "onlink", *CUBIC)
        worker.ip(family.flag, "route", "replace", cidr, *way)

    def _masquerade(self, family: Family) -> None:
        """What the worker sends from another address of its own takes the gateway's."""
        local = ("-m", "addrtype", "!", "--src-type", "LOCAL", "--limit-iface-out")
        rule = ("-o", _GATEWAY, *local, "-m", "addrtype", "--src-type", "LOCAL")
        nat = ("-w", "-t", "nat", "-A", "POSTROUTING")
        self.site.worker.run(family.iptables, *nat, *rule, "-j", "MASQUERADE", "--random-fully")

    # ---- the pipeline

    def _flows(self, peers: dict[Family, tuple[str, str]]) -> Iterator[str]:
        """All of it; `peers` has our prefix and our underlay address."""
        yield f"table={_ARP},priority=100,arp,actions=NORMAL"
        yield f"table=0,priority=150,arp,in_port={_GATEWAY_PORT},actions=goto_table:{_ARP}"
        for number, mac in enumerate(self._pod_macs):
            port = _FIRST_POD_PORT + number
            yield f"table=0,priority=150,arp,in_port={port},dl_src={mac},actions=goto_table:{_ARP}"
        for family in self.families:
            yield from self._classifier(family)
            yield from self._tracking(family)
            yield from self._routing(family, peers.get(family))
        yield f"table={_OUTPUT},priority=100,actions=output:NXM_NX_REG1[]"

    def _classifier(self, family: Family) -> Iterator[str]:
        ip, source = _MATCHES[family.version][:2]
        if family is V6:  # neighbours are found as on any switch, but not through the tunnel
            for kind in (135, 136):
                yield f"table=0,priority=140,icmp6,icmp_type={kind},in_port={_TUNNEL_PORT},actions=drop"
                yield f"table=0,priority=130,icmp6,icmp_type={kind},actions=NORMAL"
        yield _from(f"table=0,priority=120,{ip},in_port={_TUNNEL_PORT}", _FROM_TUNNEL)
        yield _from(f"table=0,priority=120,{ip},in_port={_GATEWAY_PORT}", _FROM_GATEWAY)
        for number, (mac, address) in enumerate(zip(self._pod_macs, self.worker_pods(family), strict=True)):
            is_pod = f"in_port={_FIRST_POD_PORT + number},dl_src={mac},{source}={address}"
            yield _from(f"table=0,priority=120,{ip},{is_pod}", _FROM_POD)

    def _tracking(self, family: Family) -> Iterator[str]:
        ip, _, destination, tcp = _MATCHES[family.version]
        track = _TRACK[family.version]
        yield f"table={_ZONE},priority=100,{ip},actions={track.format(f'table={_STATE},', ',nat')}"
        yield f"table={_STATE},priority=100,{ip},ct_state=+inv+trk,actions=drop"
        yield f"table={_STATE},priority=90,{ip},ct_state=-new+trk,actions=goto_table:{_ROUTING}"
        yield f"table={_STATE},priority=80,{ip},actions=goto_table:{_SERVICES}"
        to_service = f"reg0={_FROM_POD},{destination}={family.service},tp_dst={SERVICE_PORT}"
        yield f"table={_SERVICES},priority=100,{tcp},{to_service},actions=group:{family.version}"
        yield f"table={_SERVICES},priority=10,{ip},actions=goto_table:{_ROUTING}"
        commit = track.format(f"commit,table={_OUTPUT},", "")
        yield f"table={_COMMIT},priority=100,{ip},ct_state=+new+trk,actions={commit}"
        yield f"table={_COMMIT},priority=90,{ip},actions=goto_table:{_OUTPUT}"

    def _groups(self) -> Iterator[str]:
        """One for the Service of each family: its endpoints, each as likely."""
        for family in self.families:
            buckets: list[str] = []
            for endpoint in self.mac_pods(family):
                host = endpoint if family is V4 else f"[{endpoint}]"
                nat = f",nat(dst={host}:{TARGET_PORT})"
                action = _TRACK[family.version].format(f"commit,table={_ROUTING},", nat)
                buckets.append(f"bucket=bucket_id={len(buckets)},weight=100,actions={action}")
            yield f"group_id={family.version},type=select,{','.join(buckets)}"

    def _routing(self, family: Family, peer: tuple[str, str] | None) -> Iterator[str]:
        ip, _, destination, _ = _MATCHES[family.version]
        table, gateway = f"table={_ROUTING}", self._gateway_mac
        for number, (mac, address) in enumerate(zip(self._pod_macs, self.worker_pods(family), strict=True)):
            ends = f"set_field:{gateway}->eth_src,set_field:{mac}->eth_dst"
            leave = f"dec_ttl,{_leave(_FIRST_POD_PORT + number)}"
            yield f"{table},priority=200,{ip},{destination}={address},actions={ends},{leave}"
        own = self.host_source(family)
        to_host = f"set_field:{gateway}->eth_dst,{_leave(_GATEWAY_PORT)}"
        yield f"{table},priority=200,{ip},{destination}={own},actions={to_host}"
        if peer is not None:
            cidr, outer = peer
            ends = f"set_field:{gateway}->eth_src,set_field:{_VIRTUAL_MAC}->eth_dst"
            tunnel = f"set_field:{outer}->{'tun_dst' if family is V4 else 'tun_ipv6_dst'}"
            leave = _leave(_TUNNEL_PORT)
            match = f"{ip},{destination}={cidr}"
            yield f"{table},priority=190,{match},reg0={_FROM_GATEWAY},actions={ends},{tunnel},{leave}"
            yield f"{table},priority=180,{match},actions=dec_ttl,{ends},{tunnel},{leave}"
            if family is V4:
                yield _arp_responder(nth(cidr, 1))
        # what comes by the tunnel for the world outside needs an Egress
        yield f"{table},priority=100,{ip},reg0={_FROM_TUNNEL},actions=drop"
        yield f"{table},priority=50,{ip},reg0={_FROM_POD},actions={to_host}"


class AntreaVxlan(Antrea):
    """The same with VXLAN."""

    encap = "vxlan"
    conf = "tunnelType: vxlan\n"
    """No tunnelCsum: what comes over IPv4 has no outer checksum."""


_MATCHES = {4: ("ip", "nw_src", "nw_dst", "tcp"), 6: ("ipv6", "ipv6_src", "ipv6_dst", "tcp6")}


def _from(match: str, source: int) -> str:
    return f"{match},actions=set_field:{source}->reg0,goto_table:{_ZONE}"


def _leave(port: int) -> str:
    return f"set_field:{port}->reg1,goto_table:{_COMMIT}"


def _of(family: Family, texts: list[str]) -> str:
    """The first of a family; empty for none."""
    return next((text for text in texts if (":" in text) == (family is V6)), "")


def _arp_responder(gateway: str) -> str:
    """Whoever asks for another node's gateway is told the virtual MAC."""
    answer = (
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
        f"set_field:{_VIRTUAL_MAC}->eth_src",
        "set_field:2->arp_op",
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
        f"set_field:{_VIRTUAL_MAC}->arp_sha",
        "move:NXM_OF_ARP_SPA[]->NXM_NX_REG2[]",
        f"set_field:{gateway}->arp_spa",
        "move:NXM_NX_REG2[]->NXM_OF_ARP_TPA[]",
        "IN_PORT",
    )
    return f"table={_ARP},priority=200,arp,arp_op=1,arp_tpa={gateway},actions={','.join(answer)}"
