from __future__ import annotations

from runtime.images.manifest import Descriptor
from runtime.registry.progress import Progress, Silent


def test_silence_is_progress() -> None:
    silent: Progress = Silent()
    blob = Descriptor("", "", 1)
    silent.begin(blob, 0)
    silent.advance(blob, 1)
    silent.end(blob, "pulled")
