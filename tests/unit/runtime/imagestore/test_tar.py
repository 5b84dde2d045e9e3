from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from runtime.images.errors import InvalidDigest
from runtime.imagestore import tar
from runtime.imagestore.errors import ArchiveError
from runtime.imagestore.tar import open_tar


def header(name: str = "model.gguf", size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax(**records: str) -> bytes:
    """An extension header, and a member of 1,024 bytes that it is for."""
    info = tarfile.TarInfo("model.gguf")
    info.size = 1024
    info.pax_headers = {key.replace("_", "."): value for key, value in records.items()}
    return info.tobuf(tarfile.PAX_FORMAT)


def files(raw: bytes) -> dict[str, bytes]:
    with open_tar(io.BytesIO(raw), ArchiveError) as members:
        return {member.name: file.read() for member, file in members}


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_files_in_their_order(packed: type[bytes]) -> None:
    raw = (
        header("folder", 0, tarfile.DIRTYPE) + header("a", 3) + padded(b"one") + header("b", 0) + bytes(1024)
    )
    assert files(packed(raw)) == {"a": b"one", "b": b""}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"),
        (b"x" * 2000, "not be opened|invalid header"),
        (header(size=9) + b"x", "unexpected end"),
        (header(size=1 << 62), "longer than the archive|unexpected end"),
        (header(size=1 << 40, kind=tarfile.XHDTYPE), "an extension header of 1,099,511,627,776 bytes"),
        (header(size=1 << 40, kind=tarfile.GNUTYPE_LONGNAME), "an extension header of"),
        (header(size=1 << 40, kind=tarfile.GNUTYPE_SPARSE), "a sparse file; pack it without holes"),
        (pax(GNU_sparse_major="1", GNU_sparse_minor="0") + b"1\n" * 512, "a sparse file"),
        (pax(GNU_sparse_map="0,1", GNU_sparse_size="1099511627776") + bytes(1024), "a sparse file"),
        (pax(GNU_sparse_map="x") + bytes(1024), "is no tar archive"),
    ],
)
def test_what_strangers_make_up_is_one_line(raw: bytes, why: str) -> None:
    for packed in (raw, gzip.compress(raw)):
        with pytest.raises(ArchiveError, match=why) as raised:
            files(packed)
        assert "\n" not in str(raised.value)


def test_what_others_refuse_inside_is_theirs() -> None:
    with (
        pytest.raises(InvalidDigest, match=r"^no digest$"),
        open_tar(io.BytesIO(header() + bytes(1024)), ArchiveError) as members,
    ):
        next(members)
        raise InvalidDigest("no digest")


def test_entries_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar, "MOST_MEMBERS", 3)
    assert len(files(b"".join(header(str(number)) for number in range(3)) + bytes(1024))) == 3
    with pytest.raises(ArchiveError, match="more than 3 entries"):
        files(b"".join(header(str(number)) for number in range(4)) + bytes(1024))
