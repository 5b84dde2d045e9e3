from __future__ import annotations

import pytest

from bronzewillow.kube.roaming import follow_address
from bronzewillow.testing.aio import run


class Client:
    server = "https://[2001:db8::5]"
    reconnects = 0

    async def reconnect(self) -> None:
        self.reconnects += 1


class Enough(Exception):
    """No more answers."""


@pytest.mark.parametrize(
    ("addresses", "reconnects"),
    [
        (["10.0.0.7", "10.0.0.7"], 0),
        (["10.0.0.7", "10.0.0.8", "10.0.0.8"], 1),
        (["10.0.0.7", None, "10.0.0.8"], 1),
        (["10.0.0.7", None, "10.0.0.7"], 0),
        ([None, "10.0.0.7"], 0),
    ],
    ids=["stays", "moves", "moves with a pause", "a pause", "comes late"],
)
def test_another_address_makes_new_connections(addresses: list[str | None], reconnects: int) -> None:
    client, asked = Client(), []
    left = [*reversed(addresses)]

    def source_of(host: str, port: int) -> str | None:
        asked.append((host, port))
        if not left:
            raise Enough
        return left.pop()

    with pytest.raises(Enough):
        run(follow_address(client, source_of, every_s=0))  # type: ignore[arg-type]
    assert client.reconnects == reconnects
    assert set(asked) == {("2001:db8::5", 443)}
