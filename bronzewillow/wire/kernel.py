"""Picks the compiled or the interpreted kernel; everything else imports the kernel from here.

`BRONZEWILLOW_PURE=1` forces the interpreted one. `BRONZEWILLOW_REQUIRE_NATIVE=1` makes a missing build an
error, unless the former is set too. Otherwise a missing build costs speed and one warning.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

__all__ = ["NATIVE", "Coalescer", "encap_packet", "segment"]


def _is_set(name: str) -> bool:
    # The one place in the pure packages that reads the environment: it chooses between equal twins.
    return os.environ.get(name, "") not in ("", "0")


if TYPE_CHECKING:
    from bronzewillow.wire._kernel import Coalescer, encap_packet, segment

    NATIVE: bool
elif _is_set("BRONZEWILLOW_PURE"):
    from bronzewillow.wire._kernel import Coalescer, encap_packet, segment

    NATIVE = False
else:
    try:
        from bronzewillow.wire._native import Coalescer, encap_packet, segment

        NATIVE = True
    except ImportError as error:
        if _is_set("BRONZEWILLOW_REQUIRE_NATIVE"):
            raise ImportError(
                f"the compiled packet kernel is required (BRONZEWILLOW_REQUIRE_NATIVE) but missing: {error}; "
                "build it with `python setup.py build_ext --inplace`"
            ) from None
        from bronzewillow.wire._kernel import Coalescer, encap_packet, segment

        NATIVE = False
        logging.getLogger(__name__).warning(
            "the compiled packet kernel is missing (%s): the interpreted one runs, several times slower; "
            "build it with `python setup.py build_ext --inplace`",
            error,
        )
