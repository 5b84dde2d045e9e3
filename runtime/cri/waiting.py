"""What a pod waits for that lacks a container: an image that comes, or what stood in the way last time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.refusal import Refusal


class Waiting:
    """Of all pods of one node; it is not kept on disk, as whoever drives CRI tries again."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {}

    @contextmanager
    def noted(self, sandbox_id: str, image: str, what: str) -> Iterator[None]:
        """`what` is waited for while inside; a refusal stands until the same is tried again."""
        self._found.setdefault(sandbox_id, {})[image] = what
        said = ""
        try:
            yield
        except (Refusal, OSError) as error:
            said = str(error)
            raise
        finally:
            found = self._found.get(sandbox_id, {})  # the pod may be gone by now
            found.pop(image, None)
            if said:
                found[image] = said

    def of(self, sandbox_id: str) -> str:
        """In one line; empty for nothing."""
        return "; ".join(sorted(set(self._found.get(sandbox_id, {}).values())))

    def forget(self, sandbox_id: str) -> None:
        """The pod is gone."""
        self._found.pop(sandbox_id, None)
