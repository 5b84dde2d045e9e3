"""securityContext in CRI's words."""

from __future__ import annotations

import pytest

from kubelet.provider.security import (
    container_security,
    namespace_option,
    security_profile,
    selinux_option,
)
from runtime.api import cri_pb2 as api

from ..conftest import pod

UNCONFINED = api.SecurityProfile.ProfileType.Unconfined


@pytest.mark.parametrize("field", ["hostNetwork", "hostPID", "hostIPC"])
def test_namespaces_of_the_host_are_asked_for_by_name(field: str) -> None:
    name = field.removeprefix("host").lower()
    option = namespace_option({"spec": {field: True}})
    shared = {one for one in ("network", "pid", "ipc") if getattr(option, one) == api.NamespaceMode.NODE}
    assert shared == {name}


def test_a_user_namespace_is_asked_for() -> None:
    assert namespace_option(pod(hostUsers=False)).HasField("userns_options")
    assert not namespace_option(pod(hostUsers=True)).HasField("userns_options")


def test_the_runtimes_default_is_what_a_process_has() -> None:
    assert security_profile({"type": "RuntimeDefault"}).profile_type == UNCONFINED
    assert security_profile(None).profile_type == UNCONFINED
    local = security_profile({"type": "Localhost", "localhostProfile": "p.json"})
    assert local.localhost_ref == "p.json"
    assert local.profile_type == api.SecurityProfile.ProfileType.Localhost


def test_a_container_counts_before_its_pod() -> None:
    container = {
        "securityContext": {
            "runAsUser": 5, "privileged": True, "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        }
    }  # fmt: skip
    both = container_security(pod(securityContext={"runAsUser": 4, "runAsGroup": 6}), container)
    assert (both.run_as_user.value, both.run_as_group.value) == (5, 6)
    assert (both.privileged, both.readonly_rootfs, both.no_new_privs) == (True, True, True)
    assert both.capabilities.add_capabilities == ["NET_ADMIN"]
    assert both.capabilities.drop_capabilities == ["ALL"]


def test_what_is_not_asked_is_not_said() -> None:
    nothing = container_security(pod(), {})
    assert not nothing.HasField("run_as_user")
    assert not nothing.privileged
    assert selinux_option({}) == api.SELinuxOption()
    assert selinux_option({"seLinuxOptions": {"level": "s0"}}).level == "s0"
