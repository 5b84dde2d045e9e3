from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import pytest

from bronzewillow.agent.options import (
    parse_addresses,
    parse_endpoint,
    parse_loopback,
    parse_prefixes,
    parse_tcp,
)
from bronzewillow.stack import TcpConfig

Parse = Callable[[click.Context, click.Parameter, Any], object]
CONTEXT, PARAMETER = click.Context(click.Command("agent")), click.Option(["--it"])


@pytest.mark.parametrize(
    ("parse", "value", "meant"),
    [
        (parse_endpoint, None, None),
        (parse_endpoint, "192.0.2.1:9090", ("192.0.2.1", 9090)),
        (parse_loopback, None, None),
        (parse_loopback, "[::1]:1080", ("[::1]", 1080)),
        (parse_addresses, ("192.0.2.1", "::1"), (bytes((192, 0, 2, 1)), bytes(15) + b"\1")),
        (parse_prefixes, ("10.65.0.0/24",), ((bytes((10, 65, 0, 0)), 24),)),
        (parse_prefixes, (), ()),
        (parse_tcp, (), None),
        (parse_tcp, ("sack=false",), TcpConfig(sack=False)),
    ],
)  # fmt: skip
def test_what_is_meant(parse: Parse, value: object, meant: object) -> None:
    assert parse(CONTEXT, PARAMETER, value) == meant


@pytest.mark.parametrize(
    ("parse", "value", "says"),
    [
        (parse_endpoint, "9090", "'9090': write HOST:PORT"),
        (parse_endpoint, "host:65536", "write HOST:PORT"),
        (parse_loopback, "192.0.2.1:1080", "say 127.0.0.1:PORT"),
        (parse_addresses, ("mac-1",), "'mac-1' does not appear to be an IPv4 or IPv6 address"),
        (parse_addresses, ("192.0.2.1", "192.0.2.2"), "one of IPv4 and one of IPv6 is the most"),
        (parse_prefixes, ("10.65.0.1/24",), "has host bits set"),
        (parse_tcp, ("sacks=false",), "sacks"),
    ],
)
def test_what_cannot_be_meant(parse: Parse, value: object, says: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        parse(CONTEXT, PARAMETER, value)
    assert says in refused.value.message
