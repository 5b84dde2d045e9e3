from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from runtime.runm.image_options import (
    ago,
    checked_registry,
    client_config,
    print_table,
    printable,
    size_in_words,
)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (98_362_432, "98 MB"),
     (4_700_000_000, "4.7 GB"), (2 * 10**12, "2.0 TB")],
)  # fmt: skip
def test_sizes(size: int, words: str) -> None:
    assert size_in_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3600, "1 hour ago"), (7200, "2 hours ago"), (90000, "1 day ago")]
)
def test_ages(seconds: int, words: str) -> None:
    assert ago(datetime.now(UTC) - timedelta(seconds=seconds)) == words


def test_texts_of_strangers_do_not_steer_a_terminal() -> None:
    assert printable("a\x1b[31mb\n\tc\x07é") == "a\ufffd[31mb\n\tc\ufffdé"


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("NAME", "ID"), ("a", "b")])
    assert capsys.readouterr().out == "NAME   ID\na      b\n"


def test_a_configuration_of_the_options(tmp_path: Path) -> None:
    config = client_config(("a.example",), tmp_path)
    assert (config.insecure, config.hosts_folder) == (("a.example",), tmp_path)


@pytest.mark.parametrize("text", ["http://a.example", "a", "", "a.example/b"])
def test_what_is_no_registry(text: str) -> None:
    assert checked_registry("a.example:5000") == "a.example:5000"
    with pytest.raises(click.BadParameter, match="is no registry"):
        checked_registry(text)
