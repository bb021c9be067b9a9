"""The picture of the definition: connection curves through f(x0) and f(x0 + h), closing in on their limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from ..definition import theta_at
from ..errors import NotApplicable
from ..expressions import latex
from ..families.base import S
from ..function import Function
from ..result import KYTransform
from . import style

POINTS = 601
CANDIDATES = 48


def connection(result: KYTransform, *, ax: Axes | None = None, steps: int = 5, span: float | None = None) -> Axes:
    """f, the point (x0, f(x0)), connection curves g(·; θ(h)) for falling h, and their limit g(·; θ*).

    ``result``: the transform at one point. ``ax``: the axes to draw on (None: a new figure). ``steps``: how many curves
    at finite h, 0 to 12. ``span``: how far to each side of x0 the picture reaches (None: the scale on which the limit
    bends). Steps at which no member of the family passes through the nodes are left out. Returns the Axes; it shows
    nothing.

    Raises ``NotApplicable`` for results of many points or with symbols, its own error for a failed one. Source: Condor,
    Definition 3.3.

    >>> import sympy as sp, kymath as ky
    >>> import matplotlib; matplotlib.use("Agg")
    >>> ax = ky.plot.connection(ky.transform(sp.Symbol("x") ** 3, 1))
    >>> ax.get_title()
    '$\\\\nabla_{P}^{2}\\\\left[x^{3}\\\\right]\\\\left(1\\\\right) = \\\\left(3,\\\\, 3,\\\\, 1\\\\right)$'
    """
    function = _checked(result, steps, span)
    x0, theta = float(result.x0), tuple(float(c) for c in result.theta)
    reach = _span(function, result, theta, x0) if span is None else float(span)
    left, right = {"right": (0.5, 1.0), "left": (1.0, 0.5)}.get(result.side, (1.0, 1.0))
    t = np.linspace(x0 - left * reach, x0 + right * reach, POINTS)
    y, limit = function(t), _curve(result, t, theta)
    low, high = _limits(y, limit)
    h, rows = _chosen(function, result, t, limit, (low, high), steps)
    ax = style.axes(ax)
    colours = style.shades(len(h))
    handles = []
    for step, colour, parameters in zip(h, colours, rows, strict=True):
        (line,) = ax.plot(t, _curve(result, t, parameters), color=colour, linewidth=1.3, zorder=2)
        handles.append(line)
        ax.plot(
            [x0 + step], function(np.array([x0 + step])), "o", color=colour, markersize=6, markeredgecolor="white",
            markeredgewidth=0.8, zorder=5,
        )  # fmt: skip
    (own,) = ax.plot(t, y, color=style.INK, linewidth=1.8, zorder=3)
    (end,) = ax.plot(t, limit, color=style.LIMIT, linewidth=2.2, dashes=(4.5, 1.8), zorder=4)
    (point,) = ax.plot(
        [x0], function(np.array([x0])), "o", color="white", markeredgecolor=style.INK, markeredgewidth=1.6,
        markersize=7.5, zorder=6,
    )  # fmt: skip
    _legend(ax, result, own, point, handles, h, end)
    ax.set_xlim(t[0], t[-1])
    ax.set_ylim(low, high)
    ax.set_xlabel("$t$")
    style.plain(ax)
    style.titled(ax, result)
    return ax


def _checked(result: KYTransform, steps: int, span: float | None) -> Function:
    if not isinstance(result, KYTransform):
        raise NotApplicable(f"connection draws the result of a transform; {type(result).__name__} was given.")
    if isinstance(result.status, np.ndarray):
        raise NotApplicable("connection draws one point, and this result holds many: transform at one of them.")
    result.raise_for_status()
    if any(isinstance(c, sp.Basic) and c.free_symbols for c in (*result.theta, result.x0)):
        raise NotApplicable("connection draws numbers, and this result holds symbols: transform at a number.")
    if result.function is None:
        raise NotApplicable("connection needs the function itself, and this result holds parameters only.")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= 12:
        raise NotApplicable(f"steps must be a whole number from 0 to 12; {steps!r} was given.")
    if span is not None and not (np.ndim(span) == 0 and np.isfinite(span) and span > 0):
        raise NotApplicable(f"span must be a positive number; {span!r} was given.")
    return result.function


def _curve(result: KYTransform, t: np.ndarray, theta: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        y = np.asarray(result.family(t - float(result.x0), tuple(theta)), dtype=float)
    return np.broadcast_to(np.where(np.isfinite(y), y, np.nan), t.shape)


def _span(function: Function, result: KYTransform, theta: tuple[float, ...], x0: float) -> float:
    """The length over which the higher terms of the limit curve grow as large as its first ones."""
    jet = np.abs(np.array([float(v) for v in result.family.jet(theta, 4)]))
    jet = np.where(jet > 1e-9 * jet.max(initial=0.0), jet, 0.0)
    scale = max(abs(x0), 1.0)
    widths = []
    for first in (1, 2):
        own = [
            (math.factorial(k) / math.factorial(first) * jet[first] / jet[k]) ** (1 / (k - first))
            for k in range(first + 1, 5)
            if jet[first] > 0 and jet[k] > 0
        ]
        widths += [min(own)] if own else []
    reach = 1.1 * float(np.exp(np.mean(np.log(widths)))) if widths else scale
    reach = float(np.clip(reach, 1e-6 * scale, 4 * scale))
    for _ in range(6):  # closer, where f runs away at the edges
        t = np.linspace(x0 - reach, x0 + reach, 91)
        y = function(t)
        seen, middle = y[np.isfinite(y)], y[30:61][np.isfinite(y[30:61])]
        if not (seen.size and middle.size) or np.ptp(seen) <= 8 * np.ptp(middle):
            break
        reach *= 0.8
    return reach


def _limits(y: np.ndarray, limit: np.ndarray) -> tuple[float, float]:
    """The range of f, without its wildest two hundredths, and of the limit curve as far as it stays near."""
    seen = y[np.isfinite(y)]
    seen = seen if seen.size else limit[np.isfinite(limit)]
    low, high = np.percentile(seen, [1, 99]) if np.ptp(seen) > 8 * np.ptp(np.percentile(seen, [5, 95])) else (
        seen.min(), seen.max(),
    )  # fmt: skip
    height = high - low if high > low else max(abs(high), 1.0)
    near = limit[np.isfinite(limit)]
    if near.size:
        low, high = min(low, max(near.min(), low - 0.4 * height)), max(high, min(near.max(), high + 0.4 * height))
    pad = 0.08 * (high - low if high > low else height)
    return float(low - pad), float(high + pad)


def _chosen(
    function: Function, result: KYTransform, t: np.ndarray, limit: np.ndarray, box: tuple[float, float], steps: int
) -> tuple[np.ndarray, list[tuple[float, ...]]]:
    """Steps whose curves stand apart from the limit by a visible part of the picture, and on it; and their θ(h)."""
    if steps == 0:
        return np.array([]), []
    x0, sign = float(result.x0), -1 if result.side == "left" else 1
    room = abs(t[-1] - x0) if sign > 0 else abs(t[0] - x0)
    tried = 0.94 * room * np.geomspace(1.0, 0.02, CANDIDATES)
    theta = np.array(theta_at(function, x0, result.family, result.rule, sign * tried, result.side))
    drawn = np.all(np.isfinite(theta), axis=0)
    apart = np.array([
        np.nanmax(np.abs(np.clip(_curve(result, t, row), *box) - np.clip(limit, *box))) / (box[1] - box[0])
        if good else np.nan
        for row, good in zip(theta.T, drawn, strict=True)
    ])  # fmt: skip
    good = np.flatnonzero(drawn & np.isfinite(apart))
    if good.size == 0:
        return np.array([]), []
    tame = good[apart[good] < 0.8]
    first = int(tame[0]) if tame.size else int(good[-1])
    seen = good[(good >= first) & (apart[good] > 0.01)]
    smallest = min(tried[seen[-1]] if seen.size else tried[good[-1]], 0.3 * tried[first])
    wanted = np.geomspace(tried[first], max(smallest, 0.12 * tried[first]), steps) if steps > 1 else tried[
        [first]
    ]  # fmt: skip
    h = sign * np.unique(wanted)[::-1]
    rows = np.array(theta_at(function, x0, result.family, result.rule, h, result.side))
    keep = np.all(np.isfinite(rows), axis=0)
    return h[keep], [tuple(row) for row in rows.T[keep]]


def _legend(
    ax: Axes, result: KYTransform, own: Line2D, point: Line2D, curves: list[Line2D], h: np.ndarray, end: Line2D
) -> None:
    f = style.function_tex(result)
    variable = result.function.variable if result.function is not None and result.function.symbolic else ""
    known = result.function is not None and result.function.symbolic and f != "f"
    entries: list[tuple[Any, str]] = [(own, f"$f({latex(variable)}) = {f}$" if known else f"${f}$")]
    entries.append((point, "$(x_0,\\, f(x_0))$"))
    if curves:
        entries.append((tuple(curves), rf"$g(t;\,\theta(h)),\ h = {style.listed(h.tolist())}$"))
    numbers = {
        p: c if isinstance(c, sp.Basic) and not style.approximate(c) else sp.Float(f"{float(c):.3g}", 3)
        for p, c in zip(result.family.symbols, result.theta, strict=True)
    }
    formula = latex(result.family.expression.xreplace(numbers))
    shift = _shifted(result)
    short = r"$g(t;\,\theta^*)$, the limit"
    entries.append((end, style.math(rf"g(t;\,\theta^*) = {formula}{shift}", short)))
    handles, labels = zip(*entries, strict=True)
    wide = HandlerTuple(ndivide=None, pad=0.0)
    ax.legend(
        handles, labels, handler_map={tuple: wide}, loc="best", fontsize="small", framealpha=0.9, edgecolor="none",
        handlelength=2.8, borderaxespad=0.3,
    )  # fmt: skip


def _shifted(result: KYTransform) -> str:
    if S not in result.family.expression.free_symbols:
        return ""
    x0 = float(result.x0)
    sign = "-" if x0 >= 0 else "+"
    value = style.figure(abs(result.x0), 4)
    return r",\ s = t" if x0 == 0 else rf",\ s = t {sign} {value}"
