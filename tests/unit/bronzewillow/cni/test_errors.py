from __future__ import annotations

from bronzewillow.cni.errors import CniError, Code


def test_codes_are_the_specifications() -> None:
    assert (Code.INCOMPATIBLE_VERSION, Code.TRY_AGAIN_LATER, Code.NOT_AVAILABLE) == (1, 11, 50)
    assert min(Code.NO_ADDRESS_LEFT, 100) == 100  # a plugin's own begin there
    error = CniError(Code.IO_FAILURE, "what", "cure")
    assert (str(error), error.details) == ("what", "cure")
