"""Tar archives of strangers, read in one pass: Python's reader, and bounds where it has none.

What it leaves open: extension headers and sparse maps are read into memory whatever their length, members are
remembered for ever, a member's length is believed long after the archive has ended, a broken number is a
ValueError, and a gzip header that ends early a TypeError.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, NoReturn, cast

from runtime.refusal import Refusal

MOST_MEMBERS = 10_000
"""An image of a thousand layers has about a thousand; a model's folder has a few dozen."""
_LONGEST_EXTENSION = 1 << 20
_MOST_EMPTY_READS = 100
_EXTENSIONS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip

Member = tuple[tarfile.TarInfo, IO[bytes]]


@contextmanager
def open_tar(archive: BinaryIO, refuse: Callable[[str], Exception]) -> Iterator[Iterator[Member]]:
    """The regular files of `archive`, compressed or not, each to be read before the next is asked for.

    What makes it no archive, inside too, is raised as `refuse` has it, of one line.
    """
    try:
        with tarfile.open(fileobj=cast(BinaryIO, _Source(archive)), mode="r|*", tarinfo=_Member) as tar:
            yield _files(tar)
    except Refusal:
        raise
    except (tarfile.TarError, EOFError, ValueError, TypeError, OverflowError) as error:
        raise refuse(f"is no tar archive, or is cut off: {' '.join(str(error).split())[:200]}") from None


def _files(tar: tarfile.TarFile) -> Iterator[Member]:
    number = 0
    while (member := tar.next()) is not None:
        number += 1
        if number > MOST_MEMBERS:
            raise tarfile.ReadError(f"more than {MOST_MEMBERS:,} entries")
        tar.members.clear()  # type: ignore[attr-defined]  # nobody here goes back
        if member.issparse():
            _refuse_sparse()
        file = tar.extractfile(member) if member.isreg() else None
        if file is not None:
            yield member, file


class _Source:
    """The archive's bytes; whoever goes on reading behind their end is told."""

    def __init__(self, archive: BinaryIO) -> None:
        self._archive = archive
        self._empty_reads = 0

    def read(self, count: int) -> bytes:
        data = self._archive.read(count)
        self._empty_reads += not data
        if self._empty_reads > _MOST_EMPTY_READS:
            raise EOFError("a member is longer than the archive")
        return data


class _Member(tarfile.TarInfo):
    """A header, looked at before what it announces is read."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Called by the base class for each header; the public `frombuf` is not, in Python 3.14."""
        if self.type in _EXTENSIONS and self.size > _LONGEST_EXTENSION:
            raise tarfile.ReadError(f"an extension header of {self.size:,} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            _refuse_sparse()
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]

    def _proc_gnusparse_10(self, *_: object) -> NoReturn:
        """Called by the base class for PAX's third sparse form, whose map has no bound."""
        _refuse_sparse()


def _refuse_sparse() -> NoReturn:
    raise tarfile.ReadError("a sparse file; pack it without holes")
