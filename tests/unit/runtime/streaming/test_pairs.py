from __future__ import annotations

import pytest

from runtime.streaming.errors import ProtocolError
from runtime.streaming.pairs import Pair, Pairs, parse_port


def headers(kind: str, port: str = "8080", request: str | None = "0") -> dict[str, str]:
    return {"streamtype": kind, "port": port} | ({} if request is None else {"requestid": request})


def test_pairs_in_any_order() -> None:
    pairs = Pairs()
    assert pairs.add(1, headers("error", request="a")) is None
    assert pairs.add(3, headers("data", request="b")) is None
    assert pairs.add(5, headers("error", request="b")) == Pair(8080, data_id=3, error_id=5)
    assert pairs.add(7, headers("data", request="a")) == Pair(8080, data_id=7, error_id=1)
    assert not pairs.drop(1)


def test_clients_that_name_no_request() -> None:
    pairs = Pairs()
    assert pairs.add(1, headers("error", request=None)) is None
    assert pairs.add(3, headers("data", request=None)) == Pair(8080, 3, 1)


def test_a_half_that_stays_alone() -> None:
    pairs = Pairs()
    pairs.add(1, headers("error"))
    assert pairs.drop(1) and not pairs.drop(1)
    assert pairs.add(3, headers("data")) is None, "its half was dropped"


@pytest.mark.parametrize(
    "wrong", [headers("stdin"), headers("data", port="0"), headers("data", port="none"), headers("error"),
              headers("data", port="9")],
)  # fmt: skip
def test_what_no_client_sends(wrong: dict[str, str]) -> None:
    pairs = Pairs()
    pairs.add(1, headers("error"))
    with pytest.raises(ProtocolError):
        pairs.add(3, wrong)
    assert pairs.add(5, headers("data")) == Pair(8080, 5, 1)


def test_ports() -> None:
    assert (parse_port("1"), parse_port("65535")) == (1, 65535)
    for text in ("", "0", "65536", "-1", "٣", "8" * 400):
        with pytest.raises(ProtocolError):
            parse_port(text)
