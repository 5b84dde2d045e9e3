"""The command line of `bronzewillow`."""

from __future__ import annotations

import click

from bronzewillow.host.verbs import Verbs

_VERBS = {
    "doctor": "doctor.cli:doctor",
    "join": "membership.join_verb:join",
    "up": "supervise.up_verb:up",
    "install": "service.verbs:install",
    "uninstall": "service.verbs:uninstall",
    "leave": "membership.leave_verb:leave",
    "status": "supervise.status_verb:status",
    "logs": "membership.logs_verb:logs",
    "forward": "supervise.forward_verb:forward_command",
    "flows": "agent.traffic_verbs:flows",
    "capture": "agent.traffic_verbs:capture",
    "policy": "agent.policy_verb:policy",
    "agent": "agent.cli:agent",
    "demo": "demo.cli:demo",
    "withdraw": "membership.withdraw_verb:withdraw",
}
"""Where each is, as they are needed in the life of a node."""


@click.group(
    cls=Verbs,
    package="bronzewillow",
    places=_VERBS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="bronzewillow", message="%(prog)s %(version)s")
def cli() -> None:
    """A Mac becomes a Kubernetes node that serves LLMs on real pod IPs."""
