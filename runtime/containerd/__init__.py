"""A stock containerd serves models: our snapshotter as its plugin, and its images made fit for that.

`snapshots_service` answers containerd; `adopt` asks it, once for an image. The shim is in `runtime.shim`.
"""
