from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.cni.errors import CniError
from bronzewillow.cni.request import Attachment, Request, parse_request

ENVIRONMENT = {
    "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/run/netns/x",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=tiny-0;K8S_POD_UID=u",
}  # fmt: skip
CONFIG: dict[str, Any] = {"cniVersion": "1.1.0", "name": "pods", "type": "bronzewillow-cni"}


def parse(verb: str = "ADD", config: object = CONFIG, **environment: str) -> Request:
    return parse_request({**ENVIRONMENT, "CNI_COMMAND": verb, **environment}, json.dumps(config).encode())


def test_an_add() -> None:
    assert parse(config=CONFIG | {"control": "/run/agent.sock"}) == Request(
        "ADD",
        "1.1.0",
        "pods",
        Attachment("c1", "eth0"),
        "/run/netns/x",
        "default/tiny-0",
        Path("/run/agent.sock"),
    )
    assert parse(CNI_ARGS="").pod == ""


def test_a_gc_and_a_check() -> None:
    valid = [{"containerID": "a", "ifname": "eth0"}]
    assert parse("GC", CONFIG | {"cni.dev/valid-attachments": valid}).valid == (Attachment("a", "eth0"),)
    assert parse("CHECK", CONFIG | {"prevResult": {"ips": []}}).previous == {"ips": []}
    assert parse("STATUS", CNI_CONTAINERID="").attachment is None


@pytest.mark.parametrize("stdin", [b"", b"[]", b'{"cniVersion":"9"}', b'{"cniVersion":"1.1.0"}'])
def test_a_version_always_succeeds(stdin: bytes) -> None:
    assert parse_request({"CNI_COMMAND": "VERSION"}, stdin).version == "1.1.0"
    assert parse_request({"CNI_COMMAND": "VERSION"}, b'{"cniVersion":"0.4.0"}').version == "0.4.0"


@pytest.mark.parametrize(
    ("verb", "config", "environment", "code", "why"),
    [
        ("DANCE", CONFIG, {}, 4, "CNI_COMMAND is 'DANCE'"),
        ("ADD", CONFIG, {"CNI_CONTAINERID": ""}, 4, "CNI_CONTAINERID"),
        ("ADD", CONFIG, {"CNI_CONTAINERID": "../x"}, 4, "CNI_CONTAINERID"),
        ("ADD", CONFIG, {"CNI_IFNAME": "a/b"}, 4, "CNI_IFNAME"),
        ("ADD", [], {}, 6, "no JSON object"),
        ("ADD", CONFIG | {"cniVersion": "0.1.0"}, {}, 1, "is not spoken"),
        ("ADD", {}, {}, 1, "'0.1.0' is not spoken"),
        ("GC", CONFIG | {"cniVersion": "1.0.0"}, {}, 1, "GC is of cniVersion 1.1.0"),
        ("CHECK", CONFIG | {"cniVersion": "0.3.1"}, {}, 1, "CHECK is of cniVersion 0.4.0"),
        ("CHECK", CONFIG, {}, 7, "needs prevResult"),
        ("CHECK", CONFIG | {"prevResult": 3}, {}, 7, "no JSON object"),
        ("GC", CONFIG, {}, 7, "needs the list"),
        ("GC", CONFIG | {"cni.dev/valid-attachments": [{}]}, {}, 7, "without containerID"),
        ("ADD", CONFIG | {"control": 3}, {}, 7, "control in the network configuration is no text"),
    ],
)
def test_mistakes(verb: str, config: object, environment: dict[str, str], code: int, why: str) -> None:
    with pytest.raises(CniError, match=why) as raised:
        parse(verb, config, **environment)
    assert raised.value.code == code


@given(st.dictionaries(st.sampled_from([*ENVIRONMENT]), st.text(max_size=20)), st.binary(max_size=60))
def test_anything_is_a_request_or_one_error(environment: dict[str, str], stdin: bytes) -> None:
    try:
        assert parse_request({**ENVIRONMENT, **environment}, stdin).version
    except CniError as error:
        assert error.message
