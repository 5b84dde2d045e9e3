"""The words of reading logs, which `bronzewillow` and `llm-kubelet` both take: those of `kubectl logs`."""

from __future__ import annotations

import click

from bronzewillow.host.options import check_duration


def logs_words() -> list[click.Parameter]:
    """Which container of which pod, and which of its lines."""
    return [
        click.Argument(["pod"]),
        click.Option(["-c", "--container"], metavar="NAME", help="Which, where the pod has several."),
        click.Option(["-n", "--namespace"], metavar="NAME", help="The pod's; by default any."),
        click.Option(["-f", "--follow"], is_flag=True, help="Go on with what it writes until it ends."),
        click.Option(
            ["-p", "--previous"], is_flag=True, help="Of the run that ended last, where it was started again."
        ),
        click.Option(
            ["--tail"], type=click.IntRange(min=-1), default=-1, show_default="all", metavar="LINES",
            help="Only so many of the last lines.",
        ),
        click.Option(
            ["--since"], callback=check_duration, metavar="DURATION",
            help="Only what is no older, such as 30s, 5m or 1h30m.",
        ),
        click.Option(
            ["--since-time"], metavar="TIME", help="Only what is no older, such as 2026-01-31T12:00:00Z."
        ),
        click.Option(["--timestamps"], is_flag=True, help="Begin each line with its time."),
        click.Option(
            ["--limit-bytes"], type=click.IntRange(min=1), metavar="BYTES", help="No more than that."
        ),
    ]  # fmt: skip
