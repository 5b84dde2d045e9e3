"""Flame graphs as a picture: width is time, and above each function stands what it calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_LEAST_SHARE = 0.002
"""Of a load's time: narrower calls are left out."""
_CHARACTERS = 250
"""That fit the whole width."""
_COLOURS = {
    "kernel": "#b0b0b0",
    "compiled": "#e8a33d",
    "wire": "#f2c879",
    "stack": "#7fb069",
    "overlay": "#4f9d9d",
    "agent": "#5b8fd1",
    "proxy": "#a98bd0",
    "Python's own": "#e3e3e3",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Calls, the outermost first, and how often they were met."""

    frames: tuple[str, ...]
    count: int

    @property
    def layer(self) -> str:
        """Who computed: of the innermost call."""
        return layer_of(self.frames[-1])


def layer_of(frame: str) -> str:
    """A key of `_COLOURS`, by the file of `function (file)`, or by the word before a colon."""
    function, _, file = frame.partition(" (")
    if not file:
        return function.partition(":")[0]
    parts = Path(file.rstrip(")")).parts
    if "bronzewillow" not in parts[:-1]:
        return "Python's own"
    package = parts[parts.index("bronzewillow") + 1]
    return {"host": "proxy"}.get(package, package if package in _COLOURS else "agent")


@dataclass(slots=True)
class _Call:
    frame: str
    count: int = 0
    calls: dict[str, _Call] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        self.count += sample.count
        call = self
        for frame in sample.frames:
            call = call.calls.setdefault(frame, _Call(frame))
            call.count += sample.count

    def boxes(self, left: int = 0, depth: int = 0) -> Iterator[tuple[_Call, int, int]]:
        """Each call below this one, the widest first, with its left edge and its depth."""
        for call in sorted(self.calls.values(), key=lambda one: -one.count):
            yield call, left, depth
            yield from call.boxes(left, depth + 1)
            left += call.count


def draw(recorded: dict[str, list[Sample]], file: Path) -> None:
    """Write a PNG: a panel for each load."""
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    roots = {}
    for name, samples in recorded.items():
        root = roots[name] = _Call("")
        for sample in samples:
            root.add(sample)
    shown = {name: _wide_enough(root) for name, root in roots.items()}
    heights = [1 + max(depth for _, _, depth in boxes) for boxes in shown.values()]
    figure, axes = pyplot.subplots(
        len(recorded), 1, figsize=(15, 0.23 * sum(heights) + 1.2), squeeze=False, layout="constrained",
        height_ratios=heights,
    )  # fmt: skip
    for axis, (name, boxes) in zip(axes.flat, shown.items(), strict=True):
        total = roots[name].count
        for call, left, depth in boxes:
            width = call.count / total
            colour = _COLOURS[layer_of(call.frame)]
            axis.barh(
                depth, width, 0.94, left / total, align="edge", color=colour, edgecolor="white", linewidth=0.4
            )
            label = call.frame.partition(" (")[0].removeprefix("_Selector")[: int(width * _CHARACTERS)]
            if len(label) > 3:
                axis.text(left / total + 0.001, depth + 0.47, label, va="center", fontsize=6, clip_on=True)
        axis.set(xlim=(0, 1), xticks=(), yticks=(), title=f"{name}: {total:,} samples")
        axis.title.set_fontsize(9)
        for spine in axis.spines.values():
            spine.set_visible(False)
    patches = [Patch(color=colour, label=layer) for layer, colour in _COLOURS.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _wide_enough(root: _Call) -> list[tuple[_Call, int, int]]:
    return [box for box in root.boxes() if box[0].count >= _LEAST_SHARE * root.count]
