"""`bronzewillow`: the command line of a node."""

from __future__ import annotations

import click

from bronzewillow.agent.cli import agent, capture, flows
from bronzewillow.agent.policy_verb import policy
from bronzewillow.demo.cli import demo
from bronzewillow.doctor.cli import doctor
from bronzewillow.host.command import run_command
from bronzewillow.membership.join_verb import join
from bronzewillow.membership.leave_verb import leave
from bronzewillow.membership.withdraw_verb import withdraw
from bronzewillow.service.verbs import install, uninstall
from bronzewillow.supervise.forward_verb import forward_command
from bronzewillow.supervise.status_verb import status
from bronzewillow.supervise.up_verb import up


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they are needed in the life of a node, rather than by the alphabet."""
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bronzewillow")
def cli() -> None:
    """A Mac becomes a Kubernetes node that serves LLMs on real pod IPs."""


for command in (
    *(doctor, join, up, install, uninstall, leave, status, forward_command),
    *(flows, capture, policy, agent, demo, withdraw),
):
    cli.add_command(command)


def main() -> None:
    """The entry point."""
    run_command("bronzewillow", cli)


if __name__ == "__main__":
    main()
