"""Pictures of learned connection functions: small multiples of the bias over the lag, and the images of tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import KYError
from .checkpoint import shown
from .curve import ConnectionCurve
from .kinds import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .report import ConnectionReport

#: colour and dashes of a kind: told apart by either
LOOKS: dict[str, tuple[str, Any]] = {
    "flat": ("#8c8c8c", (0, (6, 2.5))),
    "linear": ("#0072b2", "-"),
    "log": ("#009e73", (0, (5, 1.6))),
    "exponential": ("#d55e00", (0, (7, 1.6, 1.5, 1.6))),
    "periodic": ("#cc79a7", (0, (1.2, 1.2))),
    "peak": ("#e69f00", (0, (3, 1.2))),
    "other": ("#1a1a1a", (0, (1, 0.6))),
}
PANELS = 16
_NAMED = 12  # curves in a panel that have the number of their head at their end
_APART = 0.08  # those numbers, of the height of a panel
_TILES = 16  # heads in a panel of images
_WIDE, _HIGH, _HEAD = 2.15, 1.75, 0.5  # inches of a panel, and of the words above them
_FAR = {0: 100.0, 20: 4.0}  # from so many curves on: times the range of most, beyond it one does not set the height
_DIVERGING = "RdBu_r"


@dataclass(frozen=True)
class Group:
    """The curves of one layer of one layout, and where they stand in the report."""

    layer: int | str
    layout: str
    index: list[int]


def groups(curves: Sequence[ConnectionCurve]) -> list[Group]:
    """The layers of a report in its order, those of two layouts apart."""
    found: dict[tuple[int | str, str], list[int]] = {}
    for i, curve in enumerate(curves):
        found.setdefault((curve.layer, curve.layout), []).append(i)
    return [Group(*place, index) for place, index in found.items()]


def evenly(count: int, most: int) -> list[int]:
    """At most so many of ``count`` places, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / max(most - 1, 1)) for k in range(most)})


def plot(report: ConnectionReport, *, ax: Axes | None = None, panels: int = PANELS) -> Axes:
    """The bias of every head over the lag, a panel for each layer, coloured and dashed by its kind.

    Up to a dozen curves of a panel have the number of their head at their end. Biases are in nats, less their mean, and
    all panels have one scale; a curve far beyond the others is cut off, and the words above say so. Tables of two axes
    (Swin) have their images beside: bias by displacement, the query in the middle. ``ax``: the axes to draw on, whose
    room is shared out among the panels (None: a new figure). ``panels``: at most so many, of layers chosen evenly.
    Returns the Axes of the words above them; the panels follow in ``ax.figure.axes``. It shows nothing.

    Raises ``KYError`` where there is nothing to draw. Source: this project's.

    >>> import matplotlib; matplotlib.use("Agg")
    >>> from kymath.inspector import inspect_connections
    >>> key = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    >>> ax = inspect_connections({key: -0.5 * np.arange(32.0)[:, None]}, window=8).plot()
    >>> [panel.get_title() for panel in ax.figure.axes[1:]]
    ['layer 0']
    """
    if isinstance(panels, bool) or not isinstance(panels, int) or panels < 1:
        raise KYError(f"panels must be a whole number from 1; {panels!r} was given.")
    if not any(not curve.broken for curve in report.curves):
        raise KYError("there is nothing to draw: no curve of the report has numbers.")
    from matplotlib.ticker import MaxNLocator

    every = groups(report.curves)
    chosen, cells, columns = _arranged(report, every, panels)
    images = len(cells) > len(chosen)
    frame, made = _panels(ax, len(cells), columns)
    drawn = [report.curves[i] for group in chosen for i in group.index if not report.curves[i].broken]
    low, high, cut = _limits(drawn)
    several = len({group.layout for group in every}) > 1
    looks = [row["kind"] for row in report.table()]
    kinds = {looks[i] for group in chosen for i in group.index if not report.curves[i].broken}
    for k, (panel, (group, kind)) in enumerate(zip(made, cells, strict=True)):
        at_left, at_bottom = k % columns == 0, k + columns >= len(cells)
        title = f"layer {shown(group.layer)}" + (f", {shown(group.layout)}" if several else "")
        if kind == "images":
            _images(panel, [report.curves[i] for i in group.index])
            continue
        for i in group.index:
            _line(panel, report.curves[i], *LOOKS[looks[i]], thin=len(group.index) > 12)
        if len(group.index) <= _NAMED:
            _names(panel, [(report.curves[i], LOOKS[looks[i]][0]) for i in group.index], low, high)
        panel.axhline(0, color="#8c8c8c", linewidth=0.5, zorder=0)
        panel.set_ylim(low, high)
        panel.set_title(title.replace("$", r"\$"), fontsize="small", color="#1a1a1a")
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize="x-small", labelleft=at_left)
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if at_left:
            panel.set_ylabel("bias (nats)", fontsize="x-small")
        if at_bottom or images:
            unit = "patches" if report.curves[group.index[0]].image is not None else "tokens"
            panel.set_xlabel(f"lag ({unit})", fontsize="x-small")
    words = _words(report, len(every), len(chosen), cut)
    _head(frame, textwrap.shorten("; ".join(words), 30 + 25 * columns, placeholder=" …"), kinds)
    return frame


def size(report: ConnectionReport, panels: int = PANELS) -> tuple[float, float]:
    """Width and height in inches of a figure that has room for :func:`plot`."""
    _, cells, columns = _arranged(report, groups(report.curves), panels)
    return _inches(len(cells), columns)


def _inches(count: int, columns: int) -> tuple[float, float]:
    return max(_WIDE * columns, 4.4) + 0.4, _high(count) * -(-count // columns) + _HEAD + 0.2


def _high(count: int) -> float:
    return _HIGH if count > 1 else 1.6 * _HIGH


def _arranged(
    report: ConnectionReport, every: list[Group], panels: int
) -> tuple[list[Group], list[tuple[Group, str]], int]:
    """The layers that are drawn, what is in each panel, and how many panels stand side by side."""
    images = any(curve.image is not None for curve in report.curves)
    chosen = [every[k] for k in evenly(len(every), max(1, panels // 2) if images else panels)]
    cells = []
    for group in chosen:
        cells.append((group, "curves"))
        if report.curves[group.index[0]].image is not None:
            cells.append((group, "images"))
    return chosen, cells, _columns(len(cells), images)


def _columns(cells: int, images: bool) -> int:
    if images:
        return 2 if cells <= 4 else 4
    return cells if cells <= 3 else 2 if cells == 4 else 3 if cells <= 9 else 4


def _panels(ax: Axes | None, count: int, columns: int) -> tuple[Axes, list[Axes]]:
    """The axes themselves as a strip for words, and the panels below it."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=_inches(count, columns), layout="constrained")
    spec = ax.get_subplotspec()
    if spec is None:
        raise KYError("the axes of plot must be those of a subplot: their room is shared out among the panels.")
    figure, rows = ax.figure, -(-count // columns)
    inner = spec.subgridspec(rows + 1, columns, height_ratios=[_HEAD, *[_high(count)] * rows])
    ax.set_subplotspec(inner[0, :])
    ax.set_axis_off()
    return ax, [figure.add_subplot(inner[1 + k // columns, k % columns]) for k in range(count)]


def _limits(curves: Sequence[ConnectionCurve]) -> tuple[float, float, int]:
    """The range of the biases, without curves far beyond most others, and how many those are."""
    if not curves:
        return -1.0, 1.0, 0
    seen = [curve.centred[curve.visible] for curve in curves]
    lows, highs = np.array([part.min() for part in seen]), np.array([part.max() for part in seen])
    lows, highs = np.maximum(lows, -1e300), np.minimum(highs, 1e300)
    reach = np.maximum(highs, -lows)
    far = max((count, times) for count, times in _FAR.items() if count <= len(curves))[1]
    near = reach / far <= np.quantile(reach, 0.9, method="lower")
    low, high = float(lows[near].min()), float(highs[near].max())
    pad = 0.06 * (high - low) or 0.5
    return low - pad, high + pad, int((~near).sum())


def _line(panel: Axes, curve: ConnectionCurve, colour: str, dashes: Any, *, thin: bool) -> None:
    if curve.broken:
        return
    bias = np.where(curve.visible, np.clip(curve.centred, -1e300, 1e300), np.nan)
    lags = curve.lags
    if bias.size < 2:
        panel.plot(lags, bias, ".", color=colour)
        return
    panel.plot(
        lags, bias, color=colour, linestyle="-" if thin else dashes, linewidth=0.5 if thin else 1.0,
        alpha=0.7 if thin else 1.0,
    )  # fmt: skip


def _names(panel: Axes, curves: list[tuple[ConnectionCurve, str]], low: float, high: float) -> None:
    """The heads' numbers at the ends of their lines, moved apart where they would overlap."""
    ends = []
    for curve, colour in curves:
        if not curve.broken:
            last = np.flatnonzero(curve.visible)[-1]
            ends.append((float(np.clip(curve.centred[last], low, high)), float(curve.lags[last]), curve, colour))
    ends.sort(key=lambda end: end[0])
    places = _apart([(y - low) / (high - low) for y, *_ in ends])
    for (y, lag, curve, colour), place in zip(ends, places, strict=True):
        panel.annotate(
            shown(f"{curve.head}{curve.axis[:1]}").replace("$", r"\$"), (lag, y), (1.03, place),
            textcoords="axes fraction", ha="left", va="center", fontsize=6, color=colour, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": colour, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def _apart(places: list[float]) -> list[float]:
    """Ascending places in [0, 1], at least ``_APART`` from each other where there is room."""
    gap = min(_APART, 1 / max(len(places) - 1, 1))
    out: list[float] = []
    for k, place in enumerate(places):  # the numbers above need room, too
        lowest = out[-1] + gap if out else 0.0
        out.append(max(lowest, min(place, 1 - gap * (len(places) - 1 - k))))
    return out


def _images(panel: Axes, curves: Sequence[ConnectionCurve]) -> None:
    """The tables of some heads as tiles, each about its own mean and on one scale."""
    of_head: dict[int, np.ndarray] = {}
    for curve in curves:
        if curve.image is not None:
            of_head.setdefault(curve.head, curve.image)
    heads = list(of_head)
    chosen = [heads[k] for k in evenly(len(heads), _TILES)]
    tables = [of_head[head] - of_head[head].mean() for head in chosen]
    height, width = tables[0].shape
    across = int(np.ceil(np.sqrt(len(tables))))
    down = -(-len(tables) // across)
    gap = max(1, height // 12)
    wall = np.full((down * (height + gap) - gap, across * (width + gap) - gap), np.nan)
    for k, table in enumerate(tables):
        top, left = (k // across) * (height + gap), (k % across) * (width + gap)
        wall[top : top + height, left : left + width] = table
    size = float(np.nanmax(np.abs(wall))) or 1.0
    image = panel.imshow(wall, cmap=_DIVERGING, vmin=-size, vmax=size, interpolation="nearest")
    bar = panel.figure.colorbar(image, ax=panel, shrink=0.8, aspect=12)
    bar.ax.tick_params(labelsize="xx-small")
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
    some = "" if len(chosen) == len(heads) else f" of {len(heads)}"
    panel.set_title(f"its {len(chosen)}{some} heads", fontsize="small", color="#1a1a1a")


def _words(report: ConnectionReport, layers: int, drawn: int, cut: int) -> list[str]:
    source = shown(PurePath(report.source).name, 40)
    words = [f"{source}: " * bool(source) + "; ".join(shown(name) for name in report.layouts)]
    if drawn < layers:
        words.append(f"{drawn} of {layers} layers")
    if cut:
        words.append(f"{cut} curve{'s' * (cut != 1)} cut off")
    if report.broken:
        words.append(f"{len(report.broken)} without numbers")
    return words


def _head(frame: Axes, text: str, kinds: set[str]) -> None:
    """What is drawn, and the kinds with their looks."""
    from matplotlib.lines import Line2D

    frame.text(
        0.5, 1.0, text.replace("$", r"\$"), ha="center", va="top", fontsize="medium", color="#1a1a1a",
        transform=frame.transAxes,
    )  # fmt: skip
    handles = [
        Line2D([], [], color=LOOKS[kind][0], linestyle=LOOKS[kind][1], label=kind) for kind in KINDS if kind in kinds
    ]
    frame.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=len(handles), frameon=False,
        fontsize="x-small", handlelength=2.2, columnspacing=1.2, borderaxespad=0.0,
    )  # fmt: skip
