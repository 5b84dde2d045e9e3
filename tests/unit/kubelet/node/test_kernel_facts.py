from __future__ import annotations

import plistlib
import shutil

import pytest

from kubelet.node.kernel_facts import parse_ioreg, parse_sysctl, read_ioreg, read_sysctl


def test_both_systems_forms_are_read() -> None:
    text = "hw.memsize: 34359738368\nmachdep.cpu.brand_string: Apple M2 Pro\nkernel.random.boot_id = 6c0e\n"
    assert parse_sysctl(text) == {
        "hw.memsize": "34359738368",
        "machdep.cpu.brand_string": "Apple M2 Pro",
        "kernel.random.boot_id": "6c0e",
    }
    assert parse_sysctl("sysctl: unknown oid 'x'\nnothing\n\n") == {"sysctl": "unknown oid 'x'"}


def test_a_device_is_a_property_list() -> None:
    assert parse_ioreg(plistlib.dumps([{"gpu-core-count": 19}])) == {"gpu-core-count": 19}


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"<plist", plistlib.dumps([]), plistlib.dumps({}), plistlib.dumps([1])]
)
def test_no_device_is_none(raw: bytes) -> None:
    assert parse_ioreg(raw) == {}


def test_a_program_that_is_not_there_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    assert read_ioreg("AGXAccelerator") == {}
    assert read_sysctl("hw.memsize") == {}


def test_what_a_kernel_does_not_have_is_left_out() -> None:
    assert "no.such.name" not in read_sysctl("no.such.name")
