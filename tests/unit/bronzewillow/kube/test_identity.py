from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.kube.access import Presented
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.identity import FileIdentity, HeldIdentity
from bronzewillow.testing.aio import run


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_held_ones_are_replaced() -> None:
    identity = HeldIdentity()
    assert run(identity.present()) == Presented()
    identity.replace(Presented(token="t"))
    assert run(identity.present()).token == "t"
    assert not identity.forget()


def test_a_token_file_is_read_again_each_minute(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", Clock()
    file.write_text("one\n")
    identity = FileIdentity(token=file, clock=clock)
    assert run(identity.present()).token == "one"
    file.write_text("two")
    clock.now = 59.0
    assert run(identity.present()).token == "one"
    clock.now = 60.0
    assert run(identity.present()).token == "two"


def test_after_a_401_at_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    identity = FileIdentity(token=file, clock=Clock())
    run(identity.present())
    file.write_text("two")
    assert identity.forget()
    assert run(identity.present()).token == "two"


def test_certificates_too(tmp_path: Path) -> None:
    both = tmp_path / "kubelet-client-current.pem"
    both.write_bytes(b"PEM")
    presented = run(FileIdentity(certificate=both, key=both).present())
    assert presented.certificate_pem == presented.key_pem == b"PEM"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match="absent: cannot be read: No such file"):
        run(FileIdentity(token=tmp_path / "absent").present())
    empty = tmp_path / "empty"
    empty.write_text(" \n")
    with pytest.raises(BadCredentials, match="is empty"):
        run(FileIdentity(token=empty).present())
