from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bronzewillow.testing.lab.janitor import Janitor, owned

LISTING = "bw12n1-worker (id: 3)\nbw12n1-mac\nbw12n10-worker\nbw1-worker\nother\n\n"


def test_only_the_labs_own_namespaces_are_owned() -> None:
    assert owned(LISTING, "bw12n1") == ["bw12n1-worker", "bw12n1-mac"]
    assert owned("", "bw12n1") == []


@pytest.mark.loopback
@pytest.mark.skipif(shutil.which("ip") is None, reason="iproute2 is not installed")
def test_the_folder_goes_when_the_owner_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "log").write_text("x")
    janitor = Janitor("bw0none", folder)
    assert folder.exists()
    janitor.close()
    assert not folder.exists()
    assert tmp_path.exists()
