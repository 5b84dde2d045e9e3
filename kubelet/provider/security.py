"""securityContext in CRI's words."""

from __future__ import annotations

from kubelet.model.pod_spec import Object, mapping, sequence, spec, text
from runtime.api import cri_pb2 as api

_PROFILES = {
    "RuntimeDefault": api.SecurityProfile.ProfileType.RuntimeDefault,
    "Localhost": api.SecurityProfile.ProfileType.Localhost,
}


def namespace_option(pod: Object) -> api.NamespaceOption:
    """Which of the host's namespaces a pod asks to share."""
    fields, node = spec(pod), api.NamespaceMode.NODE
    option = api.NamespaceOption(pid=api.NamespaceMode.CONTAINER)
    if fields.get("hostNetwork") is True:
        option.network = node
    if fields.get("hostIPC") is True:
        option.ipc = node
    if fields.get("hostPID") is True:
        option.pid = node
    elif fields.get("shareProcessNamespace") is True:
        option.pid = api.NamespaceMode.POD
    if fields.get("hostUsers") is False:
        option.userns_options.mode = api.NamespaceMode.POD
    return option


def security_profile(profile: object) -> api.SecurityProfile:
    """RuntimeDefault is what a process without a container has: none."""
    told = mapping(profile)
    kind = _PROFILES.get(text(told.get("type")))
    if kind is None or kind == api.SecurityProfile.ProfileType.RuntimeDefault:
        return api.SecurityProfile(profile_type=api.SecurityProfile.ProfileType.Unconfined)
    return api.SecurityProfile(profile_type=kind, localhost_ref=text(told.get("localhostProfile")))


def selinux_option(security: Object) -> api.SELinuxOption:
    """Empty when nothing is asked."""
    told = mapping(security.get("seLinuxOptions"))
    return api.SELinuxOption(**{name: text(told.get(name)) for name in ("user", "role", "type", "level")})


def container_security(pod: Object, container: Object) -> api.LinuxContainerSecurityContext:
    """The container's own words count before the pod's."""
    of_pod = mapping(spec(pod).get("securityContext"))
    own = mapping(container.get("securityContext"))
    both = {**of_pod, **own}
    security = api.LinuxContainerSecurityContext(
        privileged=own.get("privileged") is True,
        readonly_rootfs=own.get("readOnlyRootFilesystem") is True,
        no_new_privs=own.get("allowPrivilegeEscalation") is False,
        namespace_options=namespace_option(pod),
        seccomp=security_profile(both.get("seccompProfile")),
        apparmor=security_profile(both.get("appArmorProfile")),
        selinux_options=selinux_option(both),
    )
    capabilities = mapping(own.get("capabilities"))
    security.capabilities.add_capabilities.extend(map(str, sequence(capabilities.get("add"))))
    security.capabilities.drop_capabilities.extend(map(str, sequence(capabilities.get("drop"))))
    for field, target in (("runAsUser", security.run_as_user), ("runAsGroup", security.run_as_group)):
        if isinstance(both.get(field), int):
            target.value = both[field]
    return security
