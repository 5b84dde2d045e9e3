"""What `bronzewillow status` and `flows` print."""

from __future__ import annotations

import copy
from typing import Any

from bronzewillow.agent.report import flow_lines, status_lines

STATUS: dict[str, Any] = {
    "overlays": [
        {
            "encap": "vxlan",
            "address": "192.0.2.2",
            "port": 8472,
            "vni": 1,
            "pod_cidrs": ["10.244.7.0/24"],
            "node_addresses": ["10.244.7.1"],
            "mac": "02:00:00:00:00:07",
            "inner_mac": "note",
            "mtu": 1450,
        }
    ],
    "datagram_io": {"rung": "gso", "sends": 1, "reads": 2, "errors": {}},
    "native_kernel": True,
    "datagrams": {"in": 3, "out": 4, "bytes_in": 500, "bytes_out": 600},
    "peers": [
        {
            "name": "worker-1",
            "address": "192.0.2.1",
            "port": 8472,
            "pod_cidrs": ["10.244.1.0/24", "10.244.9.0/24"],
            "path_mtu": 1450,
            "partial_checksums": 12,
            "foreign_macs": 3,
            "drops": {"spoofed_inner_source": 2},
        }
    ],
    "pods": [
        {
            "name": "default/tiny",
            "address": "10.244.7.10",
            "connections": 1,
            "time_wait": 0,
            "counters": {
                "accepted": 5,
                "segments_in": 6,
                "segments_out": 7,
                "retransmitted_segments": 0,
            },
        }
    ],
    "drops": {},
    "transports": 1,
    "tasks": 3,
}
FLOW = {
    "pod": "default/tiny",
    "local": "10.244.7.10:8080",
    "remote": "10.244.1.2:40000",
    "state": "established",
    "srtt_us": 1234,
    "cwnd_bytes": 14000,
    "flight_bytes": 0,
    "unsent_bytes": 0,
    "unread_bytes": 0,
    "retransmitted_segments": 3,
    "trouble": "",
}


def test_a_healthy_node() -> None:
    lines = status_lines(STATUS)
    assert lines[0] == "overlay  vxlan 192.0.2.2:8472 vni 1 pods 10.244.7.0/24 mtu 1450"
    assert "datagram I/O gso, packet kernel compiled" in lines[2]
    peer = next(line for line in lines if line.startswith("worker-1"))
    assert peer.split() == [
        *("worker-1", "192.0.2.1:8472", "10.244.1.0/24,10.244.9.0/24", "12", "3", "spoofed_inner_source", "2")
    ]
    assert next(line for line in lines if line.startswith("default/tiny")).split() == [
        *("default/tiny", "10.244.7.10", "1", "5", "6", "7", "0")
    ]
    assert not any(line.startswith(("drops", "socket")) for line in lines)


def test_two_underlays_are_two_paragraphs() -> None:
    status = copy.deepcopy(STATUS)
    (first,) = status["overlays"]
    second = {**first, "address": "2001:db8::2", "pod_cidrs": ["fd00:7::/64"], "mtu": 1430}
    status["overlays"].append(second)
    lines = status_lines(status)
    assert lines[2] == "overlay  vxlan [2001:db8::2]:8472 vni 1 pods fd00:7::/64 mtu 1430"


def test_what_went_wrong_is_told() -> None:
    status = copy.deepcopy(STATUS)
    status["native_kernel"] = False
    status["drops"] = {"wrong_vni": 1, "no_route": 0}
    status["datagram_io"]["errors"] = {"eperm": 4}
    lines = status_lines(status)
    assert "drops    wrong_vni 1" in lines
    assert "socket   eperm 4" in lines
    assert "interpreted" in lines[2]


def test_a_path_that_takes_less_is_told() -> None:
    status = copy.deepcopy(STATUS)
    status["peers"][0]["path_mtu"] = 1250
    assert "path     to worker-1 192.0.2.1:8472 takes packets of 1250 bytes" in status_lines(status)
    assert not any(line.startswith("path ") for line in status_lines(STATUS))


def test_columns_stand_in_line() -> None:
    head, short, long = flow_lines([FLOW, FLOW | {"pod": "a-namespace/with-a-long-name-0"}])
    column = head.index("LOCAL")
    assert short[column:].startswith("10.244.7.10:8080")
    assert long[column:].startswith("10.244.7.10:8080")
    assert "1.23" in short


def test_the_trouble_of_a_connection_ends_its_line() -> None:
    head, fine, stuck = flow_lines([FLOW, FLOW | {"trouble": "no answer for 9 s"}])
    assert (
        head.endswith("RETRANSMITTED")
        and fine.endswith("3")
        and stuck.endswith("3              no answer for 9 s")
    )


def test_no_flows_is_a_head_alone() -> None:
    assert [line.split()[0] for line in flow_lines([])] == ["POD"]


def test_outlets_are_told_where_there_are_some() -> None:
    outlets = {"programs": "127.0.0.1:1080", "pods": "127.0.0.1:40123"}
    lines = status_lines({**STATUS, "outlets": outlets})
    assert "outlets  127.0.0.1:1080 for programs, 127.0.0.1:40123 for pods" in lines
    assert not any(line.startswith("outlets") for line in status_lines({**STATUS, "outlets": {}}))
