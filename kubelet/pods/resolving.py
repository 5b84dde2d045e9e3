"""What a container is told: its environment, command, arguments and mounts, looked up when it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from kubelet.model.decision import EventType, PodEvent
from kubelet.model.environment import ConfigError, Environment, Sources, build_environment
from kubelet.model.expansion import expand
from kubelet.model.field_ref import DownwardFacts, field_value, resource_value
from kubelet.model.observed import ObservedPod
from kubelet.model.pod_spec import Object, all_containers, mapping, namespace, text
from kubelet.model.references import references as names_of
from kubelet.provider.container_config import Resolved
from kubelet.references import References
from kubelet.volumes.pod_volumes import PodVolumes

SERVICES_LIMIT_S = 10.0

Services = Callable[[], Awaitable[Iterable[Object]]]
"""All Services, as soon as they are known."""
Facts = Callable[[ObservedPod | None], DownwardFacts]
"""Of the node, and the addresses of a pod."""


class Resolving:
    """Looks up what containers of one node are told when they are made."""

    def __init__(
        self,
        references: References,
        volumes: PodVolumes,
        services: Services,
        facts: Facts,
        tell: Callable[[Object, PodEvent], None],
    ) -> None:
        self._references, self._volumes = references, volumes
        self._services, self._facts, self._tell = services, facts, tell

    async def resolve(self, pod: Object, container: Object, observed: ObservedPod | None) -> Resolved:
        """ConfigError, KubeError, VolumeError."""
        try:
            async with asyncio.timeout(SERVICES_LIMIT_S):
                services = await self._services()
        except TimeoutError:
            raise ConfigError(
                "services have not yet been read at least once, cannot construct envvars"
            ) from None
        sources = await self._sources(pod, container, services)
        found = build_environment(container, pod, sources, self._facts(observed))
        self._tell_of_skipped(pod, container, found)
        mounts = self._volumes.mounts(pod, container, lambda words: expand(words, found.variables))
        return Resolved(found.command, found.args, found.variables, mounts)

    async def _sources(self, pod: Object, container: Object, services: Iterable[Object]) -> Sources:
        alone = {**pod, "spec": {"containers": [container]}}
        names, where = names_of(alone), namespace(pod)
        config_maps = {name: await self._references.config_map(where, name) for name in names.config_maps}
        secrets = {name: await self._references.secret(where, name) for name in names.secrets}
        return Sources(
            {name: found for name, found in config_maps.items() if found is not None},
            {name: found for name, found in secrets.items() if found is not None},
            services,
        )

    def _tell_of_skipped(self, pod: Object, container: Object, found: Environment) -> None:
        if found.skipped:
            keys = ", ".join(found.skipped)
            words = f"Keys [{keys}] from the EnvFrom sources were skipped since they are considered invalid"
            event = PodEvent(EventType.WARNING, "InvalidEnvironmentVariableNames", f"{words} as names.")
            self._tell(pod, event)


def downward_value(pod: Object, item: Object, facts: DownwardFacts) -> str:
    """Of an item of a downwardAPI volume. FieldError."""
    if "fieldRef" in item:
        return field_value(text(mapping(item["fieldRef"]).get("fieldPath")), pod, facts)
    reference = mapping(item.get("resourceFieldRef"))
    named = {text(one.get("name")): one for one in all_containers(pod)}
    return resource_value(reference, mapping(named.get(text(reference.get("containerName")))), facts)
