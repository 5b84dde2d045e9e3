from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.content.errors import UnknownName
from runtime.imagestore import ImageStore
from runtime.registry.client import ClientConfig
from runtime.runm.image_options import client_config, find_or_pull, print_table, printable, size_in_words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (98_362_432, "98 MB"),
     (4_700_000_000, "4.7 GB"), (2 * 10**12, "2.0 TB")],
)  # fmt: skip
def test_sizes(size: int, words: str) -> None:
    assert size_in_words(size) == words


def test_texts_of_strangers_do_not_steer_a_terminal() -> None:
    assert printable("a\x1b[31mb\n\tc\x07é") == "a\ufffd[31mb\n\tc\ufffdé"


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("NAME", "ID"), ("a", "b")])
    assert capsys.readouterr().out == "NAME   ID\na      b\n"


def test_an_image_without_a_registry_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        run(find_or_pull(ImageStore(tmp_path), "tiny", ClientConfig()))
    config = client_config(("a.example",), tmp_path)
    assert (config.insecure, config.hosts_folder) == (("a.example",), tmp_path)
