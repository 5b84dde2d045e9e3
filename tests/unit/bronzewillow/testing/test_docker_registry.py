from __future__ import annotations

from bronzewillow.testing import docker_registry

# It runs in tests/contract/registry and tests/e2e/images.


def test_its_users_password_is_not_in_its_files_in_clear() -> None:
    assert docker_registry.PASSWORD not in docker_registry._HTPASSWD
    assert docker_registry._HTPASSWD.startswith(f"{docker_registry.USER}:$2y$")
