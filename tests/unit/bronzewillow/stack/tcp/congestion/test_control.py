from __future__ import annotations

import pytest

from bronzewillow.stack.errors import LocalError
from bronzewillow.stack.tcp.congestion import CongestionControl, make_congestion_control
from bronzewillow.stack.tcp.congestion.cubic import Cubic
from bronzewillow.stack.tcp.congestion.reno import Reno


@pytest.mark.parametrize(("name", "kind"), [("cubic", Cubic), ("reno", Reno)])
def test_the_choice_by_name(name: str, kind: type) -> None:
    control: CongestionControl = make_congestion_control(name, 1000, 4)
    assert type(control) is kind and control.cwnd == 4000


def test_an_unknown_name() -> None:
    with pytest.raises(LocalError, match=r"'bbr' is not one of: cubic, reno"):
        make_congestion_control("bbr", 1000, 10)
