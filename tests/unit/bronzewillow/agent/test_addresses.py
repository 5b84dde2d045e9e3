from __future__ import annotations

import pytest

from bronzewillow.agent.addresses import address_text, endpoint_text, pack_address, prefix_text


@pytest.mark.parametrize("text", ["10.244.7.10", "fd00::a", "::1", "2001:db8::7:0:0:1"])
def test_text_and_back(text: str) -> None:
    assert address_text(pack_address(text)) == text


@pytest.mark.parametrize("text", ["", "10.244.7", "fd00::a%eth0", "10.244.7.256", "worker"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(OSError, match="illegal"):
        pack_address(text)


def test_with_ports_and_lengths() -> None:
    assert endpoint_text(bytes((10, 0, 0, 1)), 80) == "10.0.0.1:80"
    assert endpoint_text(pack_address("fd00::a"), 80) == "[fd00::a]:80"
    assert prefix_text((pack_address("fd00::"), 64)) == "fd00::/64"
