from __future__ import annotations

from bronzewillow.wire.errors import DropReason, WireError


def test_an_error_carries_its_reason() -> None:
    error = WireError(DropReason.VLAN_TAGGED)
    assert error.reason is DropReason.VLAN_TAGGED
    assert str(error) == "vlan_tagged"


def test_values_are_the_names_in_lower_case() -> None:
    assert all(reason.value == reason.name.lower() for reason in DropReason)
