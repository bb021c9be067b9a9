"""The picture of a transform of data: the parameters along the series, with their error bands, below the data."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..errors import NotApplicable
from ..samples import is_frame
from . import style
from .along import MOST, Along, broken, from_dataset, from_result, outliers, turns

BAND = 1.96  # standard errors: 95 %
_TALL, _LOW, _WIDE = 2.1, 1.25, 7.0  # inches: the panel of the data, of a parameter, and the width
_COLOURS = (style.LIMIT, *(colour for colour, _ in style.SERIES if colour not in (style.LIMIT, style.INK)))


def field(
    result: Any, parameters: str | Sequence[str] | None = None, ax: Axes | None = None, *, data: Any = None
) -> Axes:
    """The data with the fitted value on top, and a panel for each parameter with its band of ±1.96 standard errors.

    ``result``: what :func:`kymath.samples` returned, or the Dataset. ``parameters``: the names of those to draw (None:
    all; one that is the curve's own value, as a0 is, has its band in the panel of the data). ``ax``: the axes to draw
    on, whose room is shared out among the panels (None: a new figure). ``data``: (t, y) to draw instead of the samples
    that the result keeps; a lazy result and a Dataset keep none. Grey stretches hold no answer; samples far from their
    neighbours are marked at the border and do not set the height. Of a long series some 4000 points are drawn, and of a
    lazy result no others are computed. Returns the Axes of the top panel; the others follow it in ``ax.figure.axes``.
    It shows nothing.

    Raises ``NotApplicable`` for what is no such result, for unknown names, and for more than six channels. Source:
    this project's.

    >>> import numpy as np, kymath as ky
    >>> import matplotlib; matplotlib.use("Agg")
    >>> t = np.linspace(0, 3, 200)
    >>> ax = ky.plot.field(ky.samples(t, np.exp(-t), ky.Polynomial(2), bandwidth=0.3))
    >>> [panel.get_ylabel() for panel in ax.figure.axes]
    ['data, $a_{0}$', '$a_{2}$', '$a_{1}$']
    """
    found = from_dataset(result, data) if is_frame(result) else from_result(result, data)
    if len(found.channels) > len(_COLOURS):
        raise NotApplicable(f"field draws at most {len(_COLOURS)} channels, and here are {len(found.channels)}.")
    names = _asked(found, parameters)
    top = found.value is not None or found.data is not None
    panels = _panels(ax, top, max(len(names), 0 if top else 1))
    beyond = False
    if top:
        beyond = _draw_data(panels[0], found, explicit=parameters is not None)
    for panel, name in zip(panels[top:], names, strict=True):
        _draw(panel, found.t, found.theta[name], found.error[name], angle=name == found.angle)
        panel.set_ylabel(f"${style.name(name)}$")
        if not np.isfinite(found.theta[name]).any():
            _say(panel, (found.message or "no answer") if panel is panels[top] else "no answer")
    answered = np.any([np.isfinite(v).any(axis=1) for v in found.theta.values()], axis=0)
    gaps = _gaps(found.t, answered)
    for panel in panels:
        for low, high in gaps:
            panel.axvspan(low, high, color=style.SHADE, linewidth=0, zorder=0)
        style.plain(panel)
        if panel is not panels[-1]:
            panel.tick_params(labelbottom=False)
    panels[-1].set_xlabel(found.label)
    if found.t.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        panels[-1].xaxis.set_major_locator(locator)
        panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    if len(panels) > 1:
        panels[0].figure.align_ylabels(panels)
    rows = _key(panels[0], found, bool(gaps), beyond, bool(top))
    panels[0].set_title(found.title, fontsize="medium", color=style.INK, pad=6 + 14 * rows)
    span = found.t if found.data is None else found.data[0]
    if len(span) > 1:
        panels[0].set_xlim(span.min(), span.max())
    if len(found.channels) > 1:
        handles = [line for line in panels[-1].get_lines() if line.get_linestyle() == "-"][: len(found.channels)]
        panels[0].legend(handles, found.channels, fontsize="small", frameon=False, ncols=len(found.channels))
    return panels[0]


def _asked(found: Along, parameters: str | Sequence[str] | None) -> tuple[str, ...]:
    if parameters is None:
        return tuple(name for name in found.names if name != found.carrier)
    names = (parameters,) if isinstance(parameters, str) else tuple(parameters)
    for name in names:
        if name not in found.names:
            raise NotApplicable(f"there is no parameter {name!r}; the parameters are {', '.join(found.names)}.")
    return names


# -- drawing ---------------------------------------------------------------------------------------------------------


def _panels(ax: Axes | None, top: bool, count: int) -> list[Axes]:
    """The axes themselves as the first panel, and others below it that share t."""
    heights = [_TALL] * top + [_LOW] * count
    if ax is None:
        ax = style.axes(None, (_WIDE, sum(heights) + 0.6))
    if len(heights) == 1:
        return [ax]
    figure, spec = ax.figure, ax.get_subplotspec()
    if spec is not None:
        inner = spec.subgridspec(len(heights), 1, height_ratios=heights, hspace=0.12)
        ax.set_subplotspec(inner[0])
        return [ax, *(figure.add_subplot(inner[k], sharex=ax) for k in range(1, len(heights)))]
    left, bottom, width, height = ax.get_position().bounds
    part = height / (sum(heights) + 0.15 * (len(heights) - 1))
    tops = [bottom + height - part * (sum(heights[:k]) + 0.15 * k) for k in range(len(heights))]
    ax.set_position((left, tops[0] - part * heights[0], width, part * heights[0]))
    return [ax, *(
        figure.add_axes((left, y - part * h, width, part * h), sharex=ax)
        for y, h in zip(tops[1:], heights[1:], strict=True)
    )]  # fmt: skip


def _draw_data(panel: Axes, found: Along, *, explicit: bool) -> bool:
    """The samples as dots, and the curve's own value over them; whether some samples lie beyond the panel."""
    words, far = [], None
    if found.data is not None:
        t, y = (part[:: max(1, len(found.data[0]) // MOST)] for part in found.data)
        size, alpha, above = (4.2, 0.9, 5) if len(t) <= 120 else (3.2, 0.7, 2) if len(t) <= 500 else (1.6, 0.45, 2)
        far = outliers(y)
        for k in range(y.shape[1]):
            panel.plot(
                t, y[:, k], "o", color=_dots(found, k), markersize=size, alpha=alpha, markeredgewidth=0,
                linestyle="none", zorder=above, rasterized=len(t) > 500,
            )  # fmt: skip
        words.append("data")
        limits = panel.get_ylim()
        if far.any():
            near = y[~far & np.isfinite(y)]
            spare = 0.06 * float(np.ptp(near))
            limits = (float(near.min()) - spare, float(near.max()) + spare)
            panel.set_ylim(limits)
    if found.value is not None:
        error = found.error[found.carrier] if found.carrier else np.full_like(found.value, np.nan)
        _draw(panel, found.t, found.value, error)
        if np.isfinite(found.value).any():
            words.append(f"${style.name(found.carrier)}$" if found.carrier and not explicit else "fit")
        if found.data is not None:  # the data stay in the picture, whatever the curve does in their gaps
            low, high = _curve_limits(found.value) if far is not None and far.any() else panel.get_ylim()
            panel.set_ylim(min(low, limits[0]), max(high, limits[1]))
    panel.set_ylabel(", ".join(words))
    if far is None or not far.any():
        return False
    low, high = panel.get_ylim()
    for k in range(y.shape[1]):
        for marker, place, beyond in (("^", 0.98, y[:, k] > high), ("v", 0.02, y[:, k] < low)):
            if beyond.any():
                panel.plot(
                    t[beyond], np.full(int(beyond.sum()), place), marker, color=_dots(found, k), markersize=4.5,
                    linestyle="none", zorder=6, transform=panel.get_xaxis_transform(),
                )  # fmt: skip
    return bool(((y > high) | (y < low)).any())


def _dots(found: Along, k: int) -> str:
    return style.QUIET if len(found.channels) == 1 else _COLOURS[k]


def _curve_limits(value: np.ndarray) -> tuple[float, float]:
    known = value[np.isfinite(value)]
    if not known.size:
        return np.inf, -np.inf
    low, high = (float(q) for q in np.quantile(known, [0.01, 0.99]))
    return low, high


def _draw(panel: Axes, t: np.ndarray, value: np.ndarray, error: np.ndarray, *, angle: bool = False) -> None:
    step = max(1, len(t) // MOST)
    t, value, error = t[::step], value[::step], error[::step]
    for k in range(value.shape[1]):
        place = t
        fields: tuple[np.ndarray, ...] = (
            value[:, k],
            value[:, k] - BAND * error[:, k],
            value[:, k] + BAND * error[:, k],
        )
        wraps = 0
        if angle:
            place, fields = broken(t, fields)
            wraps = len(place) - len(t)
        line, low, high = fields
        count = max(turns(line), wraps)
        width = 1.5 if count <= 60 else 0.7 if count <= 250 else 0.35  # many turns of a thick line are a solid block
        panel.fill_between(place, low, high, color=_COLOURS[k], alpha=0.22, linewidth=0, zorder=3)
        panel.plot(place, line, color=_COLOURS[k], linewidth=width, zorder=4)
        alone = _alone(np.isfinite(line))
        if alone.any():  # a point between two gaps is no line
            size = 2.5 if count <= 60 else 1.2
            panel.plot(place[alone], line[alone], "o", color=_COLOURS[k], markersize=size, markeredgewidth=0,
                       linestyle="none", zorder=4)  # fmt: skip
    if angle:
        below = bool((value < 0).any())
        ticks = (r"$-\pi$", "0", r"$\pi$") if below else ("0", r"$\pi$", r"$2\pi$")
        panel.set_yticks(np.pi * (np.arange(3) - below), ticks)
        panel.set_ylim(np.pi * (-0.1 - below), np.pi * (2.1 - below))
    else:
        _frame(panel, value, error)


def _inches(panel: Axes) -> float:
    return float(panel.bbox.width) / float(panel.figure.dpi)


def _say(panel: Axes, text: str) -> None:
    """Words in a panel that has no curve."""
    inches = _inches(panel)
    wrapped = textwrap.wrap(" ".join(text.split()), max(20, int(inches * 14)), max_lines=4, placeholder=" …")
    panel.text(
        0.5, 0.5, "\n".join(wrapped).replace("$", r"\$"), transform=panel.transAxes, ha="center", va="center",
        fontsize="small", color=style.INK, zorder=7,
    )  # fmt: skip
    panel.set_yticks([])


def _key(panel: Axes, found: Along, gaps: bool, beyond: bool, top: bool) -> int:
    """What dots, lines, bands and grey are, in a row above the first panel; the number of its rows."""
    one = len(found.channels) == 1
    colour = _COLOURS[0] if one else style.INK
    grey = style.QUIET
    entries: list[tuple[Any, str]] = []
    if found.data is not None:
        entries.append((Line2D([], [], color=grey, marker="o", markersize=4, linestyle="none"), "data"))
    if beyond:
        entries.append((Line2D([], [], color=grey, marker="^", markersize=4.5, linestyle="none"), "beyond the panel"))
    if any(np.isfinite(v).any() for v in found.theta.values()):
        word = "fit, parameter" if found.value is not None and top else "parameter"
        entries.append((Line2D([], [], color=colour, linewidth=1.5), word))
        entries.append((Patch(facecolor=colour, alpha=0.22, linewidth=0), "95 %"))
    if gaps:
        entries.append((Patch(facecolor=style.SHADE, edgecolor=grey, linewidth=0.5), "no answer"))
    inches = _inches(panel)
    columns = len(entries) if inches >= 4.2 else 2
    handles, words = zip(*entries, strict=True) if entries else ((), ())
    key = Legend(
        panel, list(handles), list(words), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=max(1, columns),
        fontsize="small", frameon=False, borderaxespad=0.1, borderpad=0.2, handlelength=1.4, columnspacing=1.4,
    )  # fmt: skip
    panel.add_artist(key)
    return -(-len(entries) // columns) if entries else 0


def _alone(known: np.ndarray) -> np.ndarray:
    padded = np.concatenate([[False], known, [False]])
    return known & ~padded[:-2] & ~padded[2:]


def _frame(panel: Axes, value: np.ndarray, error: np.ndarray) -> None:
    """Leave out of the picture's height what only a hundredth of the points need: ends and poles, and their bands."""
    known = np.isfinite(value) & np.isfinite(error)
    if known.sum() < 20:
        return
    low, high = (float(q) for q in np.quantile(value[known], [0.01, 0.99]))
    wide = float(np.quantile(error[known], 0.9)) * BAND
    low, high = low - wide - 0.08 * (high - low), high + wide + 0.08 * (high - low)
    bottom, top = panel.get_ylim()
    if high > low and top - bottom > 1.6 * (high - low):
        panel.set_ylim(max(bottom, low), min(top, high))


def _gaps(t: np.ndarray, answered: np.ndarray) -> list[tuple[Any, Any]]:
    """(from, to) of each run of points without an answer, reaching halfway to those that have one."""
    if answered.all() or len(t) < 2:
        return []
    edges = np.concatenate([t[:1], t[:-1] + np.diff(t) / 2, t[-1:]])
    turns = np.flatnonzero(np.diff(np.concatenate([[1], answered.astype(int), [1]])))
    return [(edges[a], edges[b]) for a, b in zip(turns[::2], turns[1::2], strict=True)]
