from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from bronzewillow.cni.errors import CniError, Code
from bronzewillow.cni.request import VERSIONS, Attachment, Request
from bronzewillow.cni.result import Network, emit_add, emit_error, emit_version

NETWORK = Network(
    (ip_network("10.244.7.0/24"), ip_network("fd00:7::/64")),
    (ip_address("10.244.7.1"), ip_address("fd00:7::1")),
    "02:00:00:00:00:07",
    1450,
)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_add_in_the_form_of_its_version(version: str) -> None:
    request = Request("ADD", version, "pods", Attachment("c1", "eth0"), "/run/netns/x")
    found = emit_add(request, [ip_address("10.244.7.9")], NETWORK)
    (ip,), (interface,) = found["ips"], found["interfaces"]
    assert (found["cniVersion"], ip["address"], ip["gateway"]) == (version, "10.244.7.9/24", "10.244.7.1")
    assert ("version" in ip) == version.startswith("0.")
    assert ("mtu" in interface) == (version == "1.1.0")
    assert interface["sandbox"] == "/run/netns/x"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_add_with_both_families(version: str) -> None:
    request = Request("ADD", version, "pods", Attachment("c1", "eth0"))
    found = emit_add(request, [ip_address("10.244.7.9"), ip_address("fd00:7::9")], NETWORK)
    assert [ip["address"] for ip in found["ips"]] == ["10.244.7.9/24", "fd00:7::9/64"]
    assert [ip.get("version") for ip in found["ips"]] in (["4", "6"], [None, None])
    assert found["routes"] == [
        {"dst": "0.0.0.0/0", "gw": "10.244.7.1"},
        {"dst": "::/0", "gw": "fd00:7::1"},
    ]


def test_versions_and_errors() -> None:
    assert emit_version(Request("VERSION", "1.0.0"))["supportedVersions"] == list(VERSIONS)
    error = CniError(Code.TRY_AGAIN_LATER, "what")
    assert emit_error(error, "1.0.0") == {"cniVersion": "1.0.0", "code": 11, "msg": "what"}
    assert emit_error(CniError(Code.IO_FAILURE, "what", "cure"), "1.0.0")["details"] == "cure"
