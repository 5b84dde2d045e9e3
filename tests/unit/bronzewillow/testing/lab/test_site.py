"""That a lab stands there is shown in tests/lab, which needs root."""

from __future__ import annotations

from pathlib import Path

from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.site import on_this_kernel


def test_all_of_it_is_made_here_and_not_wired_yet(tmp_path: Path) -> None:
    made: list[str] = []

    def create(name: str) -> Namespace:
        made.append(name)
        return Namespace(name)

    with on_this_kernel(create, tmp_path, 3) as site:
        assert made == ["worker", "mac", "pod0", "pod1", "pod2"]
        assert (site.worker.name, site.mac.name, len(site.pods)) == ("worker", "mac", 3)
        assert site.scratch == site.folder == tmp_path
        assert not site.is_wired
