"""The picture of a transform of data: the parameters along the series, with their error bands, below the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from ..errors import NotApplicable
from ..samples import SampledTransform, is_frame
from . import style

BAND = 1.96  # standard errors: 95 %
MOST = 4000  # points of a curve, and dots of the data; beyond, every k-th is drawn
_TALL, _LOW, _WIDE = 2.1, 1.25, 7.0  # inches: the panel of the data, of a parameter, and the width
_COLOURS = (style.LIMIT, *(colour for colour, _ in style.SERIES if colour not in (style.LIMIT, style.INK)))


class _Field(NamedTuple):
    """What is drawn: everything sorted by t, fields (k, m)."""

    t: np.ndarray
    names: tuple[str, ...]
    theta: dict[str, np.ndarray]
    error: dict[str, np.ndarray]
    value: np.ndarray | None  # of the curve at s = 0
    carrier: str | None  # the parameter that is this value
    data: tuple[np.ndarray, np.ndarray] | None
    title: str
    label: str
    channels: tuple[str, ...]


def field(
    result: Any, parameters: str | Sequence[str] | None = None, ax: Axes | None = None, *, data: Any = None
) -> Axes:
    """The data with the fitted value on top, and a panel for each parameter with its band of ±1.96 standard errors.

    ``result``: what :func:`kymath.samples` returned, or the Dataset. ``parameters``: the names of those to draw (None:
    all; one that is the curve's own value, as a0 is, has its band in the panel of the data). ``ax``: the axes to draw
    on, whose room is shared out among the panels (None: a new figure). ``data``: (t, y) to draw instead of the samples
    that the result keeps; a lazy result and a Dataset keep none. Grey stretches hold no answer. Of a long series some
    4000 points are drawn. Returns the Axes of the top panel; the others follow it in ``ax.figure.axes``. It shows
    nothing.

    Raises ``NotApplicable`` for what is no such result, for unknown names, and for more than six channels. Source:
    this project's.

    >>> import numpy as np, kymath as ky
    >>> import matplotlib; matplotlib.use("Agg")
    >>> t = np.linspace(0, 3, 200)
    >>> ax = ky.plot.field(ky.samples(t, np.exp(-t), ky.Polynomial(2), bandwidth=0.3))
    >>> [panel.get_ylabel() for panel in ax.figure.axes]
    ['data, $a_{0}$', '$a_{2}$', '$a_{1}$']
    """
    found = _from_dataset(result, data) if is_frame(result) else _from_result(result, data)
    if len(found.channels) > len(_COLOURS):
        raise NotApplicable(f"field draws at most {len(_COLOURS)} channels, and here are {len(found.channels)}.")
    names = _asked(found, parameters)
    top = found.value is not None or found.data is not None
    panels = _panels(ax, top, max(len(names), 0 if top else 1))
    if top:
        _draw_data(panels[0], found, explicit=parameters is not None)
    for panel, name in zip(panels[top:], names, strict=True):
        _draw(panel, found.t, found.theta[name], found.error[name])
        panel.set_ylabel(f"${style.name(name)}$")
    answered = np.any([np.isfinite(v).any(axis=1) for v in found.theta.values()], axis=0)
    for panel in panels:
        for low, high in _gaps(found.t, answered):
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
    panels[0].set_title(found.title, fontsize="medium", color=style.INK)
    span = found.t if found.data is None else found.data[0]
    if len(span) > 1:
        panels[0].set_xlim(span.min(), span.max())
    if len(found.channels) > 1:
        handles = [line for line in panels[-1].get_lines() if line.get_linestyle() == "-"][: len(found.channels)]
        panels[0].legend(handles, found.channels, fontsize="small", frameon=False, ncols=len(found.channels))
    return panels[0]


# -- what there is to draw -------------------------------------------------------------------------------------------


def _from_result(result: Any, data: Any) -> _Field:
    if not isinstance(result, SampledTransform):
        raise NotApplicable(f"field draws what ky.samples returned; {type(result).__name__} was given.")
    t = np.asarray(result.t, dtype=float).ravel()
    columns = [np.asarray(field, dtype=float).reshape(t.size, -1) for field in (*result.theta, *result.error)]
    order = np.argsort(t, kind="stable")
    order = order[np.isfinite(t[order])]
    columns = [column[order] for column in columns]
    family = result.family
    names = family.names
    theta, error = dict(zip(names, columns, strict=False)), dict(zip(names, columns[len(names) :], strict=True))
    with np.errstate(all="ignore"):
        value = np.asarray(family(np.zeros_like(columns[0]), tuple(theta.values())), dtype=float)
    carrier = next((n for n in names if np.array_equal(theta[n], value, equal_nan=True)), None)
    series = getattr(result, "series", None)
    if data is None and series is not None:
        data = (series.t, series.y)
    side = "" if result.side == "both" else f", from the {result.side}"
    channels = tuple(f"channel {k}" for k in range(columns[0].shape[1]))
    samples = None if data is None else _data(data)
    return _Field(t[order], names, theta, error, value, carrier, samples, f"{family!r}{side}", "$t$", channels)


def _from_dataset(found: Any, data: Any) -> _Field:
    names = tuple(str(n) for n in getattr(found, "data_vars", ()) if f"{n}_error" in found)
    if not names:
        raise NotApplicable("field draws what ky.samples returned: this has no variable with a <name>_error beside it.")
    dims = found[names[0]].dims
    along = [dim for dim in dims if dim in found["bandwidth"].dims and dim in found.coords] or list(dims)
    if len(dims) > 2 or not dims:
        raise NotApplicable(f"field draws a series with channels at most; the variables have the dimensions {dims}.")
    dim = along[0] if data is None else next((d for d in getattr(data, "dims", along) if d in dims), along[0])
    rest = [d for d in dims if d != dim]
    t = np.asarray(found[dim].values)
    columns = {str(n): np.asarray(found[n].transpose(dim, *rest).values, dtype=float) for n in found.data_vars
               if dim in found[n].dims}  # fmt: skip
    columns = {n: c.reshape(t.size, -1) for n, c in columns.items()}
    channels = tuple(map(str, found[rest[0]].values)) if rest else ("",)
    error = {n: columns[f"{n}_error"] for n in names}
    samples = None
    if data is not None:
        samples = (np.asarray(data[dim].values), np.asarray(data.transpose(dim, *rest).values).reshape(t.size, -1)) \
            if is_frame(data) else _data(data)  # fmt: skip
    side = found.attrs.get("side", "both")
    title = str(found.attrs.get("family", "")) + ("" if side == "both" else f", from the {side}")
    return _Field(t, names, columns, error, None, None, samples, title, str(dim), channels)


def _data(data: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        t, y = (np.asarray(part) for part in data)
    except (TypeError, ValueError):
        raise NotApplicable("data must be the pair (t, y) of the samples.") from None
    if t.ndim != 1 or y.shape[:1] != t.shape or y.ndim > 2:
        raise NotApplicable(f"data must be (t, y) of one length; the shapes {t.shape} and {y.shape} were given.")
    return t, y.reshape(t.size, -1)


def _asked(found: _Field, parameters: str | Sequence[str] | None) -> tuple[str, ...]:
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


def _draw_data(panel: Axes, found: _Field, *, explicit: bool) -> None:
    """The samples as dots, and the curve's own value over them."""
    words = []
    if found.data is not None:
        t, y = (part[:: max(1, len(found.data[0]) // MOST)] for part in found.data)
        size, alpha, above = (4.2, 0.9, 5) if len(t) <= 120 else (3.2, 0.7, 2) if len(t) <= 500 else (1.6, 0.45, 2)
        for k in range(y.shape[1]):
            colour = style.QUIET if y.shape[1] == 1 else _COLOURS[k]
            panel.plot(
                t, y[:, k], "o", color=colour, markersize=size, alpha=alpha, markeredgewidth=0, linestyle="none",
                zorder=above, rasterized=len(t) > 500,
            )  # fmt: skip
        words.append("data")
        limits = panel.get_ylim()
    if found.value is not None:
        error = found.error[found.carrier] if found.carrier else np.full_like(found.value, np.nan)
        _draw(panel, found.t, found.value, error)
        words.append(f"${style.name(found.carrier)}$" if found.carrier and not explicit else "fit")
        if found.data is not None:  # the data stay in the picture, whatever the curve does in their gaps
            low, high = panel.get_ylim()
            panel.set_ylim(min(low, limits[0]), max(high, limits[1]))
    panel.set_ylabel(", ".join(words))


def _draw(panel: Axes, t: np.ndarray, value: np.ndarray, error: np.ndarray) -> None:
    step = max(1, len(t) // MOST)
    t, value, error = t[::step], value[::step], error[::step]
    for k in range(value.shape[1]):
        low, high = value[:, k] - BAND * error[:, k], value[:, k] + BAND * error[:, k]
        panel.fill_between(t, low, high, color=_COLOURS[k], alpha=0.22, linewidth=0, zorder=3)
        panel.plot(t, value[:, k], color=_COLOURS[k], linewidth=1.5, zorder=4)
        alone = _alone(np.isfinite(value[:, k]))
        if alone.any():  # a point between two gaps is no line
            panel.plot(t[alone], value[alone, k], "o", color=_COLOURS[k], markersize=2.5, linestyle="none", zorder=4)
    _frame(panel, value, error)


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
