"""The content store: blobs by digest, names for manifests, on disk as an OCI image layout.

Begin with `store.py`. Source: OCI image specification, image-layout.md.
"""

from runtime.content.store import ContentStore

__all__ = ["ContentStore"]
