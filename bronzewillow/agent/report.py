"""`status` and `flows` for people: values in, lines out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def status_lines(status: Json) -> list[str]:
    """What `status` prints of the network: aligned paragraphs."""
    if not status["overlays"]:
        return _cluster_lines(status["cluster"])
    io, datagrams = status["datagram_io"], status["datagrams"]
    kernel = "compiled" if status["native_kernel"] else "interpreted"
    lines = [
        *(line for overlay in status["overlays"] for line in _overlay_lines(overlay)),
        f"traffic  in {datagrams['in']} datagrams {datagrams['bytes_in']} bytes,"
        f" out {datagrams['out']} datagrams {datagrams['bytes_out']} bytes"
        f" (datagram I/O {io['rung']}, packet kernel {kernel})",
        *_outlet_lines(status.get("outlets", {})),
        "",
        *table(
            ("PEER", "ADDRESS", "PODS", "PARTIAL CHECKSUMS", "FOREIGN MACS", "DROPS"),
            [
                (
                    peer["name"],
                    _place(peer),
                    ",".join(peer["pod_cidrs"]),
                    peer["partial_checksums"],
                    peer["foreign_macs"],
                    _reasons(peer["drops"]),
                )
                for peer in status["peers"]
            ],
        ),
        "",
        *table(
            ("POD", "ADDRESS", "CONNECTIONS", "ACCEPTED", "SEGMENTS IN", "OUT", "RETRANSMITTED"),
            [
                (
                    pod["name"],
                    pod["address"],
                    pod["connections"],
                    pod["counters"]["accepted"],
                    pod["counters"]["segments_in"],
                    pod["counters"]["segments_out"],
                    pod["counters"]["retransmitted_segments"],
                )
                for pod in status["pods"]
            ],
        ),
    ]
    if "cluster" in status:
        lines += ["", *_cluster_lines(status["cluster"])]
    lines += _smaller_paths(status)
    if status["drops"]:
        lines += ["", f"drops    {_reasons(status['drops'])}"]
    if io["errors"]:
        lines.append(f"socket   {_reasons(io['errors'])}")
    return lines


def _overlay_lines(overlay: Json) -> list[str]:
    return [
        f"overlay  {overlay['encap']} {_place(overlay)} vni {overlay['vni']}"
        f" pods {','.join(overlay['pod_cidrs'])} mtu {overlay['mtu']}",
        f"node     {','.join(overlay['node_addresses'])} mac {overlay['mac']}",
    ]


def _smaller_paths(status: Json) -> list[str]:
    """Peers towards which less fits than the overlay says."""
    most = {":" in overlay["address"]: overlay["mtu"] for overlay in status["overlays"]}
    return [
        f"path     to {peer['name']} {_place(peer)} takes packets of {peer['path_mtu']} bytes"
        for peer in status["peers"]
        if peer["path_mtu"] < most[":" in peer["address"]]
    ]


def _outlet_lines(outlets: dict[str, str]) -> list[str]:
    places = ", ".join(f"{place} for {whom}" for whom, place in outlets.items())
    return [f"outlets  {places}"] if places else []


def _cluster_lines(cluster: Json) -> list[str]:
    """What is followed, then whatever is wrong with that, a line each."""
    lines = [f"cluster  {cluster['cni'] or 'of no CNI that is known yet'}"]
    lines += [f"waiting for {text}" for text in cluster["waiting_for"]]
    lines += [f"this node cannot join: {text}" for text in cluster["refusals"]]
    lines += [f"this node's account {text}" for text in cluster["missing_rights"]]
    lines += [f"warning: {text}" for text in cluster["warnings"]]
    if cluster["trouble"]:
        lines.append(f"trouble: {cluster['trouble']}")
    return lines


def flow_lines(flows: Sequence[Json]) -> list[str]:
    """What `flows` prints: a line for each connection."""
    return table(
        (
            "POD",
            "LOCAL",
            "REMOTE",
            "STATE",
            "RTT MS",
            "CWND",
            "FLIGHT",
            "UNSENT",
            "UNREAD",
            "RETRANSMITTED",
            "",
        ),
        [
            (
                flow["pod"],
                flow["local"],
                flow["remote"],
                flow["state"],
                f"{flow['srtt_us'] / 1000:.2f}",
                flow["cwnd_bytes"],
                flow["flight_bytes"],
                flow["unsent_bytes"],
                flow["unread_bytes"],
                flow["retransmitted_segments"],
                flow.get("trouble", ""),
            )
            for flow in flows
        ],
    )


def _place(of: Json) -> str:
    """An address in the underlay, and its port."""
    address = of["address"]
    return f"[{address}]:{of['port']}" if ":" in address else f"{address}:{of['port']}"


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items() if count) or "-"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows below their head in aligned columns, a line each."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
