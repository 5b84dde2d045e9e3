"""Whose certificates callers may show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bronzewillow.kube.access import Access, Cluster
from bronzewillow.testing.aio import run
from bronzewillow.testing.joinable import Joinable, on_cluster
from kubelet.certificates.client_ca import ClientCa, checked_authorities, client_ca_of
from kubelet.certificates.errors import InvalidArgument, Unavailable

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


def test_half_a_file_is_none(authority: Authority, another_authority: Authority) -> None:
    whole = authority.pem + another_authority.pem
    for length in (len(authority.pem) + 200, len(whole) - 30):
        with pytest.raises(InvalidArgument, match=r"ca\.crt: (a certificate is cut off|no certificates)"):
            checked_authorities(whole[:length], "ca.crt")


def test_a_file_comes_first(tmp_path: Path, authority: Authority) -> None:
    async def main() -> None:
        file = tmp_path / "ca.crt"
        client_ca = ClientCa(file, lambda: None, Cluster("https://localhost:6443", b"own"))
        with pytest.raises(InvalidArgument, match=r"ca\.crt: No such file"):
            await client_ca.read()
        file.write_bytes(authority.pem)
        assert await client_ca.read() == authority.pem

    run(main())


@pytest.mark.loopback
def test_whom_the_cluster_names_or_else_its_own() -> None:
    async def body(cluster: Joinable) -> None:
        account: Access | None = None
        own = Cluster(cluster.server.cluster.server, b"own")
        client_ca = ClientCa(None, lambda: account, own)
        assert await client_ca.read() == b"own"
        account = cluster.server.certified("stranger")
        assert await client_ca.read() == b"own"
        account = cluster.server.admin()
        assert await client_ca.read() == cluster.server.authority.ca_pem
        account = cluster.server.certified("stranger")
        with pytest.raises(Unavailable, match="extension-apiserver-authentication: "):
            await client_ca.read()
        await cluster.server.stop()
        with pytest.raises(Unavailable):
            await client_ca.read()

    on_cluster(body)
