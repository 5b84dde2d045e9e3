from __future__ import annotations

from runtime.images.media_types import ROLES, SINGLE, Role


def test_every_role_has_a_type_and_every_type_is_one_word() -> None:
    assert set(ROLES.values()) == set(Role)
    assert all(text == text.strip().lower() and text.count("/") == 1 for text in ROLES)
    assert Role.MODEL not in SINGLE
    assert Role.LICENSE not in SINGLE
