from __future__ import annotations

from pathlib import Path

import pytest

from runtime.oci.bundle import Bundle
from runtime.runm.container import arguments, environment

BUNDLE = Bundle(Path("/b"), Path("/b/rootfs"), ("--context", "9"), {"HOME": "/pod", "X": "1"}, Path("/"))


def test_what_the_bundle_says_comes_last_and_wins() -> None:
    assert arguments(BUNDLE) == ["serve", "--rootfs", "/b/rootfs", "--context", "9"]
    limited = Bundle(Path("/b"), Path("/r"), (), {}, Path("/"), 5)
    assert arguments(limited) == ["serve", "--rootfs", "/r", "--memory-limit", "5"]


def test_of_our_environment_little_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/me")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PATH", "/bin")
    found = environment(BUNDLE)
    assert (found["HOME"], found["X"], found["PATH"]) == ("/pod", "1", "/bin")
    assert "SECRET_TOKEN" not in found
