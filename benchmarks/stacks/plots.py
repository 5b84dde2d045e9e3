"""Figures as a picture: a panel for each, a bar for each way."""

from __future__ import annotations

from pathlib import Path


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw(figures: dict[str, dict[str, float]], file: Path) -> None:
    """Write a PNG."""
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    colours = dict(zip(names, pyplot.get_cmap("tab10").colors, strict=False))
    columns = 2
    rows = -(-len(figures) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(11, 1.9 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(figures) :]:
        axis.set_axis_off()
    for axis, (what, row) in zip(axes.flat, figures.items(), strict=False):
        ways = [name for name in names if name in row][::-1]
        bars = axis.barh(ways, [row[name] for name in ways], color=[colours[name] for name in ways])
        axis.bar_label(bars, fmt=_number, padding=2, fontsize=7)
        axis.margins(x=0.2)
        axis.set_title(what, fontsize=9)
        axis.tick_params(labelsize=7)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
