"""Fuzz targets: corpus/<target>/*.bin is replayed in every run; mutation has a time budget and is slow.

    FUZZ_SECONDS=60 python -m pytest -m slow tests/fuzz

This mutation is blind and needs nothing; `python -m tests.fuzz.guided` goes where coverage leads. What made a
target raise is saved to its corpus under the name of its digest: rename it after what it shows, and it is a
regression test.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from pathlib import Path

import pytest

from tests.fuzz.targets import CORPUS, TARGETS


def corpus(name: str) -> list[Path]:
    return sorted((CORPUS / name).glob("*.bin"))


@pytest.mark.parametrize("name", TARGETS)
def test_replay(name: str) -> None:
    files = corpus(name)
    assert files, f"tests/fuzz/corpus/{name} has no .bin file"
    for file in files:
        TARGETS[name](file.read_bytes())


def test_no_corpus_without_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} <= set(TARGETS)


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        choice = rng.randrange(4)
        if choice == 0:
            data[at : at + rng.randrange(1, 9)] = b""
        elif choice == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif choice == 2:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        elif at < len(data):
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, data[at] ^ 1 << rng.randrange(8)))
    return bytes(data[:4096])


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_mutate(name: str) -> None:
    seconds = float(os.environ.get("FUZZ_SECONDS", "12")) / len(TARGETS)
    rng = random.Random()
    seeds = [file.read_bytes() for file in corpus(name)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(200):
            data = mutated(rng, seeds)
            try:
                TARGETS[name](data)
            except Exception:
                (CORPUS / name / f"{hashlib.sha256(data).hexdigest()[:16]}.bin").write_bytes(data)
                raise
