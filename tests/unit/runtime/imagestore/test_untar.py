from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from runtime.content.errors import StoreError
from runtime.imagestore.untar import extract


def tar(mode: str = "w", **files: bytes) -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as out:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("_", "/").replace("DOT", "."))
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    target.seek(0)
    return target


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("member", ["models/a.gguf", "a.gguf", "*.gguf"])
def test_one_file_is_taken(tmp_path: Path, mode: str, member: str) -> None:
    extract(tar(mode, READMEDOTmd=b"no", models_aDOTgguf=b"weights"), member, tmp_path / "model.gguf")
    assert (tmp_path / "model.gguf").read_bytes() == b"weights"
    assert (tmp_path / "model.gguf").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (io.BytesIO(b"x" * 2000), "is no tar archive"),
        (tar(readme=b""), r"has no file '\*\.gguf'"),
        (io.BytesIO(tar(aDOTgguf=b"x" * 5000).getvalue()[:2000]), "no tar archive|ends within"),
    ],
)
def test_what_cannot_be_taken(tmp_path: Path, archive: io.BytesIO, why: str) -> None:
    with pytest.raises(StoreError, match=why) as raised:
        extract(archive, "*.gguf", tmp_path / "model.gguf")
    assert "\n" not in str(raised.value)
