from __future__ import annotations

from runtime.networks.errors import NetworkError
from runtime.refusal import Refusal


def test_a_plugins_code_is_kept() -> None:
    error = NetworkError("the agent does not answer", 11)
    assert isinstance(error, Refusal) and error.code == 11
