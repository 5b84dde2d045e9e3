from __future__ import annotations

import hashlib
import zlib

from runtime.streaming.dictionary import DICTIONARY


def test_it_is_the_one_of_the_draft() -> None:
    """A peer with another one would not understand a single header."""
    assert len(DICTIONARY) == 1423
    assert hashlib.sha256(DICTIONARY).hexdigest() == (
        "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02"
    )
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2
