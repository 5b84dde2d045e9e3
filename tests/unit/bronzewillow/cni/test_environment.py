"""What a pod's containers find around them."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bronzewillow.cni.environment import environment, write_environment
from bronzewillow.cni.errors import CniError
from bronzewillow.cni.leases import Lease

LEASE = Lease("10.244.7.9", "c0ffee" * 10, "eth0", "pods", "default/a", "/run/p", "5ec2e7")
PROXY = "http://c0ffeec0ffee:5ec2e7@127.0.0.1:40123"


def test_the_way_out_and_what_does_not_take_it() -> None:
    found = environment(LEASE, "127.0.0.1:40123")
    for name in ("HTTP_PROXY", "https_proxy", "http_proxy", "HTTPS_PROXY"):
        assert found.pop(name) == PROXY
    assert found == dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")


def test_a_pod_without_a_password_has_no_way_out() -> None:
    assert environment(replace(LEASE, password=""), "127.0.0.1:40123") == {}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write_environment(tmp_path, LEASE, "127.0.0.1:40123")
    path = tmp_path / "environment"
    assert f"HTTP_PROXY={PROXY}" in path.read_text().splitlines()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CniError, match="environment: No such file"):
        write_environment(tmp_path / "none", LEASE, "127.0.0.1:40123")
