"""What strangers wrote is read, or counts as absent."""

from __future__ import annotations

import pytest

from bronzewillow.adapters import objects


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("192.0.2.1", b"\xc0\x00\x02\x01"),
        (" 192.0.2.1 ", b"\xc0\x00\x02\x01"),
        ("2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        ("192.0.2.1/24", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_address(text: object, packed: bytes | None) -> None:
    assert objects.address(text) == packed


def test_an_address_may_come_with_its_mask() -> None:
    assert (
        objects.address_in_cidr("192.0.2.1/24") == objects.address_in_cidr("192.0.2.1") == b"\xc0\x00\x02\x01"
    )
    assert objects.address_in_cidr(None) is None


@pytest.mark.parametrize("text", ["10.0.0.1/24", "10.0.0.0/33", "nonsense", "", None, [], 5])
def test_a_prefix_that_is_none(text: object) -> None:
    assert objects.prefix(text) is None


def test_prefixes_are_written_as_they_are_read() -> None:
    for text in ("10.244.0.0/16", "fd00:7::/64", "0.0.0.0/0"):
        network = objects.prefix(text)
        assert network is not None
        assert objects.text_of_prefix(network) == text
    assert objects.host(bytes(4)) == (bytes(4), 32)
    assert objects.host(bytes(16)) == (bytes(16), 128)


@pytest.mark.parametrize(
    "text", ["01:00:5e:00:00:01", "02-aa-aa-aa-aa-01", "02:aa:aa:aa:aa", "zz:aa:aa:aa:aa:01", 1]
)
def test_a_mac_that_no_peer_has(text: object) -> None:
    assert objects.mac(text) is None


def test_mac() -> None:
    assert objects.mac("02:aa:aa:aa:aa:01") == bytes.fromhex("02aaaaaaaa01")


def test_internal_addresses_come_before_external_ones() -> None:
    node = {
        "status": {
            "addresses": [
                {"type": "ExternalIP", "address": "203.0.113.1"},
                {"type": "Hostname", "address": "worker-1"},
                {"type": "InternalIP", "address": "192.0.2.1"},
                {"type": "InternalIP", "address": "192.0.2.9"},
                {"type": "ExternalIP", "address": "2001:db8::1"},
            ]
        }
    }
    assert [objects.text_of(found) for found in objects.node_addresses(node).values()] == [
        "192.0.2.1",
        "2001:db8::1",
    ]
    assert objects.node_addresses({"status": {"addresses": "none"}}) == {}


def test_pod_cidrs_are_one_of_each_family() -> None:
    assert objects.pod_cidrs({"spec": {"podCIDR": "10.244.1.0/24"}}) == ((b"\x0a\xf4\x01\x00", 24),)
    both = {
        "spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.244.1.0/24", "fd00::/64", "10.244.2.0/24", "x"]}
    }
    assert [objects.text_of_prefix(cidr) for cidr in objects.pod_cidrs(both)] == [
        "10.244.1.0/24",
        "fd00::/64",
    ]
    assert objects.pod_cidrs({}) == ()


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, None])
def test_json_that_is_no_object(text: str | None) -> None:
    assert objects.json_text(text) == {}


def test_what_is_not_text_is_no_annotation() -> None:
    assert objects.annotations_of({"metadata": {"annotations": {"a": "1", "b": 2}}}) == {"a": "1"}
    assert objects.annotations_of({"metadata": None}) == {}
    assert objects.data_of({"data": {"a": "1", "b": None}}) == {"a": "1"}
    assert objects.data_of(None) == {}


def test_a_nodes_mac_is_its_own_for_life() -> None:
    assert objects.stable_mac("mac-1") == bytes.fromhex("02360037a47c")
    assert objects.stable_mac("mac-1") != objects.stable_mac("mac-1", objects.IPV6)


@pytest.mark.parametrize(
    ("underlay", "family", "configured", "mtu"),
    [(1500, 4, 0, 1450), (1500, 16, 0, 1430), (9000, 4, 1450, 1450), (1500, 4, 8950, 1450)],
)
def test_overlay_mtu(underlay: int, family: int, configured: int, mtu: int) -> None:
    assert objects.overlay_mtu(underlay, family, configured) == mtu
