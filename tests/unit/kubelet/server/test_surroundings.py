"""What the server needs is what the kubelet has."""

from __future__ import annotations

from kubelet.provider.client import RuntimeClient
from kubelet.server.surroundings import Runtime


def test_the_runtimes_client_has_all_calls() -> None:
    calls = [name for name in vars(Runtime) if not name.startswith("_")]
    assert calls
    assert all(callable(getattr(RuntimeClient, name)) for name in calls)
