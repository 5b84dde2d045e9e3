from __future__ import annotations

import resource

import pytest

from bronzewillow.host.open_files import raise_open_files

NONE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "most", "limit"),
    [
        (256, NONE, 1 << 20, 65536),
        (256, NONE, 61440, 10240),  # what the kernel takes is not told by the hard limit
        (256, NONE, 0, 256),
        (1024, 4096, 1 << 20, 4096),
        (100_000, 200_000, 1 << 20, 100_000),
        (4096, 4096, 1 << 20, 4096),
        (NONE, NONE, 1 << 20, NONE),
    ],
)
def test_as_many_as_there_may_be(
    soft: int, hard: int, most: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [(soft, hard)]

    def set_limit(what: int, found: tuple[int, int]) -> None:
        if found[0] > most:
            raise ValueError("not allowed to exceed maximum limit")
        limits.append(found)

    monkeypatch.setattr(resource, "getrlimit", lambda what: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    assert raise_open_files() == limit
    assert limits[-1] == (limit, hard)
    assert raise_open_files() == limit
