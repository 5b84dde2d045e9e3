"""Snapshots of LLM images: containerd's snapshotter over hard links. Begin with `snapshotter.py`."""

from runtime.snapshots.info import Info, Kind, Mount, Usage
from runtime.snapshots.snapshotter import Snapshotter

__all__ = ["Info", "Kind", "Mount", "Snapshotter", "Usage"]
