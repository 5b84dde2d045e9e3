"""Images on this machine: content and snapshots together. Begin with `store.py`."""

from runtime.imagestore.store import ImageStore, StoredImage

__all__ = ["ImageStore", "StoredImage"]
