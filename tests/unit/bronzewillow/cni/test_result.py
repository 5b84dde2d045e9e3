from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from bronzewillow.cni.errors import CniError, Code
from bronzewillow.cni.request import VERSIONS, Attachment, Request
from bronzewillow.cni.result import Network, emit_add, emit_error, emit_version

NETWORK = Network(IPv4Network("10.244.7.0/24"), IPv4Address("10.244.7.1"), "02:00:00:00:00:07", 1450)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_add_in_the_form_of_its_version(version: str) -> None:
    request = Request("ADD", version, "pods", Attachment("c1", "eth0"), "/run/netns/x")
    found = emit_add(request, IPv4Address("10.244.7.9"), NETWORK)
    (ip,), (interface,) = found["ips"], found["interfaces"]
    assert (found["cniVersion"], ip["address"], ip["gateway"]) == (version, "10.244.7.9/24", "10.244.7.1")
    assert ("version" in ip) == version.startswith("0.")
    assert ("mtu" in interface) == (version == "1.1.0")
    assert interface["sandbox"] == "/run/netns/x"


def test_versions_and_errors() -> None:
    assert emit_version(Request("VERSION", "1.0.0"))["supportedVersions"] == list(VERSIONS)
    error = CniError(Code.TRY_AGAIN_LATER, "what")
    assert emit_error(error, "1.0.0") == {"cniVersion": "1.0.0", "code": 11, "msg": "what"}
    assert emit_error(CniError(Code.IO_FAILURE, "what", "cure"), "1.0.0")["details"] == "cure"
