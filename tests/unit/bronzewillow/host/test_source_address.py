from __future__ import annotations

import pytest

from bronzewillow.host.source_address import source_address


def test_the_routing_table_answers_without_a_packet() -> None:
    assert source_address("127.0.0.1", 9) == "127.0.0.1"


@pytest.mark.parametrize("host", ["host.invalid", "", "fe80::1"])
def test_what_leads_nowhere_has_no_source(host: str) -> None:
    assert source_address(host, 9) in (None, "127.0.0.1", "::1")
