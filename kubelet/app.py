"""The pods of a node and its API on :10250, put together for as long as the node runs."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bronzewillow.host.tasks import together
from bronzewillow.kube.client import KubeClient
from kubelet.model.admission import admit
from kubelet.model.decision import EventType, PodEvent, Refusal
from kubelet.model.pod_spec import Object
from kubelet.model.thresholds import EvictionSettings, configured
from kubelet.node.health import HealthWatch
from kubelet.pods.admitting import node_view
from kubelet.pods.shell import NodeObject, PodShell, ShellConfig
from kubelet.server.app import KubeletServer, ServerParts
from kubelet.server.machine_usage import PsutilMachine
from kubelet.server.pod_disks import PodDisks
from kubelet.server.reviews import KubeReviews
from kubelet.server.tls import ServingTls

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AppConfig:
    """What its owner has chosen."""

    shell: ShellConfig
    port: int
    """Of the node's API."""
    client_ca: str
    """PEM of the authorities whose client certificates may call it, to begin with."""


class App:
    """Everything that `llm-kubelet run` puts together; made on the event loop."""

    def __init__(self, config: AppConfig, client: KubeClient, node: NodeObject, health: HealthWatch) -> None:
        self._config, self._node = config, node
        shell = config.shell
        self.shell = PodShell(
            shell,
            client,
            node,
            self._admit,
            health,
        )
        self._server = KubeletServer(
            ServerParts(
                shell.node_name,
                self.shell.shown,
                self.shell.runtime,
                KubeReviews(client),
                PsutilMachine(shell.root),
                PodDisks(self.shell.volumes.folders, self.shell.logs),
                self.shell,
                self.shell.metrics.registry,
                self.shell.metrics.probe_registry,
                configuration(config, health.settings),
            )
        )
        self._tls: ServingTls | None = None
        self._client_ca = config.client_ca
        self._has_pair = asyncio.Event()
        self.port = 0
        """Where the API is, once it is there."""

    def show(self, pair: Path) -> None:
        """The certificate and key that the API shows from now on. OSError: of the first one."""
        if self._tls is None:
            self._tls = ServingTls(pair, self._client_ca)
        else:
            try:
                self._tls.show(pair)
            except OSError as error:  # ssl.SSLError is one
                _log.warning("%s: %s: the certificate of before is shown", pair, error.strerror or error)
        self._has_pair.set()

    def trust(self, client_ca: str) -> None:
        """The authorities of callers' certificates, in PEM, from now on. ssl.SSLError."""
        if self._tls is not None:
            self._tls.trust(client_ca)
        self._client_ca = client_ca
        _log.info("callers' certificates may be of other authorities now")

    def tell(self, kind: str, reason: str, message: str) -> None:
        """An event of the Node."""
        self.shell.recorder.of_node(PodEvent(EventType(kind), reason, message))

    async def run(self) -> None:
        """Until cancelled; pods go on. OSError when the port is taken."""
        try:
            await together(self.shell.run(), self._serve())
        finally:
            await self._server.close()

    def _admit(self, pod: Object, others: list[Object]) -> Refusal | None:
        is_ending, host_paths = self.shell.is_shutting_down, self._config.shell.host_paths
        view = node_view(self._node(), os.getuid(), host_paths, is_shutting_down=is_ending)
        return admit(pod, others, view)

    async def _serve(self) -> None:
        await self._has_pair.wait()
        assert self._tls is not None
        self.port = await self._server.start(None, self._config.port, self._tls.context)
        _log.info("the node's API is on port %d", self.port)
        await asyncio.Event().wait()


def configuration(config: AppConfig, eviction: EvictionSettings) -> dict[str, Any]:
    """What /configz shows: a KubeletConfiguration, as far as it has a meaning here."""
    rotation = config.shell.rotation
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "port": config.port,
        "containerRuntimeEndpoint": f"unix://{config.shell.cri}",
        "staticPodPath": str(config.shell.static_pods or ""),
        "serializeImagePulls": True,
        "containerLogMaxSize": f"{rotation.most_bytes >> 20}Mi",
        "containerLogMaxFiles": rotation.most_files,
        **configured(eviction),
        "allowedHostPaths": [str(path) for path in config.shell.host_paths],
    }
