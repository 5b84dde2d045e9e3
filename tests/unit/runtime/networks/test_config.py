from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.networks.config import OWN_NETWORK, NetworkConfig, load_network, parse_network
from runtime.networks.errors import NetworkError

LIST = b'{"cniVersion": "1.0.0", "name": "a", "disableGC": true, "plugins": [{"type": "x"}, {"type": "y"}]}'
ALONE = b'{"cniVersion": "0.4.0", "name": "b", "type": "x", "more": 1}'


def test_both_forms() -> None:
    assert parse_network(LIST) == NetworkConfig("a", "1.0.0", ({"type": "x"}, {"type": "y"}), True, False)
    found = parse_network(ALONE)
    assert (found.name, found.plugins[0]["more"]) == ("b", 1)


def test_the_first_file_by_name_counts(tmp_path: Path) -> None:
    assert load_network(tmp_path / "none") == load_network(tmp_path) == OWN_NETWORK
    (tmp_path / "20-b.conf").write_bytes(ALONE)
    (tmp_path / "10-a.conflist").write_bytes(LIST)
    (tmp_path / "00-README").write_text("no")
    assert load_network(tmp_path).name == "a"
    (tmp_path / "05-c.json").write_text("{")
    with pytest.raises(NetworkError, match=r"05-c\.json: is not JSON"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", '{"name": "a/b", "type": "x"}', '{"name": "a", "plugins": []}', '{"name": 1}',
        '{"name": "a", "plugins": {}}', '{"name": "a", "plugins": [{}]}',
        '{"name": "a", "plugins": [{"type": "../x"}]}',
    ],
)  # fmt: skip
def test_mistakes(text: str) -> None:
    with pytest.raises(NetworkError):
        parse_network(text.encode())


@given(st.binary(max_size=100))
def test_anything_is_a_network_or_one_error(raw: bytes) -> None:
    try:
        parse_network(raw)
    except NetworkError as error:
        assert "\n" not in str(error)
