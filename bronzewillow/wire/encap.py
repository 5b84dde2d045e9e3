"""The kinds of encapsulation, and the header that is made once per peer."""

from __future__ import annotations

from enum import StrEnum


class Encap(StrEnum):
    VXLAN = "vxlan"
    GENEVE = "geneve"
