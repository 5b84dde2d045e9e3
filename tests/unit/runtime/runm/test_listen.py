"""Addresses and sockets."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from runtime.runm.listen import Address, ListenError, listen, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/a.sock", Address(path=Path("/run/a.sock"))),
        ("127.0.0.1:80", Address(host="127.0.0.1", port=80)),
        ("localhost:0", Address(host="localhost", port=0)),
        ("[::1]:8080", Address(host="::1", port=8080)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "80", ":80", "h:", "h:x", "h:65536", "h:-1", "::1:80", "unix:", "unix:/" + "x" * 103]
)
def test_wrong_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|missing|bytes"):
        parse_address(text)


@pytest.mark.loopback
def test_tcp_takes_a_free_port_and_refuses_a_taken_one() -> None:
    one = listen(Address(host="127.0.0.1", port=0))
    assert one.address.port > 0
    with pytest.raises(ListenError, match="another process serves there"):
        listen(one.address)
    one.close()
    with pytest.raises(ListenError, match="host is unknown"):
        listen(Address(host="no.such.invalid", port=0))


@pytest.mark.loopback
def test_unix_socket_is_private_and_goes_when_closed(tmp_path: Path) -> None:
    address = Address(path=tmp_path / "s")
    listener = listen(address)
    mode = (tmp_path / "s").stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    with pytest.raises(ListenError, match="another process serves there"):
        listen(address)
    listener.close()
    listener.close()
    assert not (tmp_path / "s").exists()


@pytest.mark.loopback
def test_stale_socket_is_replaced_other_files_are_not(tmp_path: Path) -> None:
    address = Address(path=tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(address.path))
    listen(address).close()
    (tmp_path / "s").write_text("mine")
    with pytest.raises(ListenError, match="no socket"):
        listen(address)
    with pytest.raises(ListenError, match="folder does not exist"):
        listen(Address(path=tmp_path / "none" / "s"))


@pytest.mark.loopback
def test_socket_that_another_has_put_there_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first = listen(Address(path=path))
    path.unlink()
    second = listen(Address(path=path))
    first.close()
    assert path.exists()
    second.close()
