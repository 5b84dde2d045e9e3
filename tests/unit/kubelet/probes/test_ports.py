"""Which port is meant."""

from __future__ import annotations

import pytest

from kubelet.probes.ports import PortError, port_of

CONTAINER = {"ports": [{"name": "http", "containerPort": 8080}]}


@pytest.mark.parametrize(("value", "port"), [(80, 80), ("80", 80), ("http", 8080)])
def test_a_number_or_a_name(value: object, port: int) -> None:
    assert port_of(value, CONTAINER) == port


@pytest.mark.parametrize("value", [0, 65536, "none", "", None, "-1", [80]])
def test_what_is_none(value: object) -> None:
    with pytest.raises(PortError, match="invalid port number"):
        port_of(value, CONTAINER)
