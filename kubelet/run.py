"""`llm-kubelet run`: a node that has joined, for as long as this process lives.

Pods go on when it ends: ending is not leaving, and whoever starts it again finds them as they are.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

from bronzewillow.host.notify import tell_ready
from bronzewillow.host.paths import door_socket
from bronzewillow.host.tasks import race
from bronzewillow.kube.client import KubeClient
from kubelet.app import App, AppConfig
from kubelet.certificates.client_ca import ClientCa
from kubelet.certificates.metrics import CertificateTimes
from kubelet.certificates.serving import ServingCertificate, ServingFolders
from kubelet.certificates.watch import Watch
from kubelet.clock import Clock, SystemClock
from kubelet.ending import Stop, until_the_end
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home
from kubelet.membership.network_account import NetworkAccount
from kubelet.membership.presence import Presence
from kubelet.model.node_facts import NodeSettings
from kubelet.model.thresholds import EvictionSettings
from kubelet.node.agent import AgentParts, NodeAgent
from kubelet.node.health import HealthWatch, Read, read_machine_health
from kubelet.node.power import PowerAssertion
from kubelet.node.runtime_status import RuntimeWatch
from kubelet.node.shutdown_notice import ShutdownNotice
from kubelet.pods.node_shutdown import ShutdownGrace
from kubelet.pods.shell import ShellConfig

_SHOWN_EVERY_S = 60.0
_TIMEOUT_S = 15.0
"""Of one request: a Lease lasts 40 s."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What its owner has chosen."""

    home: Home
    cri: Path
    """The container runtime's socket."""
    port: int = 10250
    address: str = ""
    """Of this machine, one or two with a comma; empty for those that its routing table says."""
    max_pods: int = 110
    door: Path = field(default_factory=door_socket)
    """The network agent's, by which probes reach pods."""
    static_pods: Path | None = None
    """A folder of pods that this node runs by itself."""
    host_paths: tuple[Path, ...] = ()
    """Below which hostPath is allowed."""
    eviction: EvictionSettings = field(default_factory=EvictionSettings)
    """When memory and disk are short."""
    client_ca: Path | None = None
    """Authorities of callers' certificates, in PEM; None for those that the cluster names."""
    measure: Read = read_machine_health
    """How much of them there is."""
    shutdown: ShutdownGrace = field(default_factory=ShutdownGrace)
    """Of pods, when the machine goes down."""


async def run_kubelet(options: RunOptions) -> None:
    """Until SIGTERM or SIGINT, or twice that when the machine goes down. Refusal, OSError."""
    home = options.home
    membership = home.membership()
    if membership is None:
        raise MembershipError(
            f"{home.folder}: this machine is no node of a cluster; `bronzewillow join` makes it one"
        )
    _check_identity(home)
    stop, notice = Stop(), ShutdownNotice()
    clock, random, power = SystemClock(), SystemRandom(), PowerAssertion()
    access = home.access()
    with Presence(home.folder).running():
        async with KubeClient(access, timeout_s=_TIMEOUT_S, user_agent="llm-kubelet") as client:
            settings = NodeSettings(membership.node_name, pods=options.max_pods, port=options.port)
            health = HealthWatch(options.eviction, home.folder, clock.monotonic, options.measure)
            shell = ShellConfig(
                membership.node_name, home.folder, options.cri, options.door, options.static_pods,
                options.host_paths,
            )  # fmt: skip
            account = NetworkAccount(home, access.cluster, clock)
            callers = ClientCa(options.client_ca, account.access, access.cluster)
            ca = await callers.read()
            app = App(AppConfig(shell, options.port, ca.decode()), client, lambda: node.node, health)
            watch = Watch(callers.read, lambda pem: app.trust(pem.decode()), ca, callers.every_s, clock)
            app.shell.metrics.registry.register(
                CertificateTimes(home.client_pairs.current, lambda: node.serving.best(), clock.wall)
            )
            parts = AgentParts(
                client, settings, RuntimeWatch(app.shell.runtime, app.shell.readiness, clock.monotonic),
                health, home.folder, home.client_pairs, ServingFolders(home.serving_pairs, home.own_pairs),
                power, clock, random, options.address,
            )  # fmt: skip
            node = NodeAgent(parts, access, app.show, app.tell)
            tell_ready()
            try:
                end = until_the_end(stop, notice, options.shutdown, node, app.shell)
                shown = _watch_shown(app, node.serving, clock)
                await race(node.run(), account.run(), app.run(), watch.run(), shown.run(), end)
            finally:
                power.release()


def _watch_shown(app: App, serving: ServingCertificate, clock: Clock) -> Watch:
    """Somebody else may renew it, too: who joins again, for one."""

    async def read() -> bytes:
        return serving.best().pem

    return Watch(read, lambda _: app.show(serving.best().path), b"", _SHOWN_EVERY_S, clock)


def _check_identity(home: Home) -> None:
    """Refuse to run without a valid certificate. MembershipError."""
    pair = home.client_pairs.current()
    if pair is None or not pair.is_valid(SystemClock().wall()):
        ended = "" if pair is None else f" has ended at {pair.not_after:%FT%TZ}"
        raise MembershipError(
            f"{home.client_pairs.current_path}: this node's certificate{ended or ' is missing'}; "
            "`bronzewillow join` with a new token gives another"
        )
