"""One line."""

from __future__ import annotations

from kubelet.volumes.errors import VolumeError


def test_it_says_why() -> None:
    assert str(VolumeError('configmap "x" not found')) == 'configmap "x" not found'
