from __future__ import annotations

from typing import Any

import pytest

from kubelet.certificates.client_ca import checked_authorities, client_ca_of
from kubelet.certificates.errors import InvalidArgument

from .conftest import Authority


def test_the_authorities_are_what_the_config_map_says(
    authority: Authority, another_authority: Authority
) -> None:
    bundle = b"# a comment\n" + authority.pem + b"\n" + another_authority.pem
    config_map = {"data": {"client-ca-file": bundle.decode()}}
    assert client_ca_of(config_map) == authority.pem + another_authority.pem


@pytest.mark.parametrize("config_map", [{}, {"data": None}, {"data": {"client-ca-file": "text"}}])
def test_without_any_it_is_said(config_map: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="extension-apiserver-authentication"):
        client_ca_of(config_map)


def test_a_file_is_named(authority: Authority) -> None:
    assert checked_authorities(authority.pem, "ca.crt") == authority.pem
    with pytest.raises(InvalidArgument, match=r"ca\.crt: no certificates"):
        checked_authorities(b"", "ca.crt")
