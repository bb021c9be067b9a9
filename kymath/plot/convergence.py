"""The picture of Theorem 3.13: |θ(h) − θ*| against h, on logarithmic axes."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..convergence import convergence as measure
from ..errors import NotApplicable
from . import style


def convergence(
    f: Any,
    x0: Any = None,
    family: Any = None,
    rule: Any = None,
    *,
    h: Any = None,
    side: Literal["right", "left"] = "right",
    ax: Axes | None = None,
) -> Axes:
    """|θ_i(h) − θ_i*| against h for each parameter, with the order found, the predicted leading terms, and rounding.

    ``f``: what :func:`kymath.convergence` returned; or a function, with ``x0`` and the other arguments of
    :func:`kymath.convergence`. ``ax``: the axes to draw on (None: a new figure). Returns the Axes; shows nothing.

    Raises what :func:`kymath.convergence` raises, ``NotApplicable`` where x0 is missing. Source: Condor, Theorem 3.13.

    >>> import sympy as sp, kymath as ky
    >>> import matplotlib; matplotlib.use("Agg")
    >>> ax = ky.plot.convergence(sp.exp(sp.Symbol("x")), 0, ky.Linear())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['$a$: order 1.00 (predicted 1)', 'predicted leading term', '$b$: no error']
    """
    found = _measured(f, x0, family, rule, h, side)
    ax = style.axes(ax, (5.6, 4.4))
    names = found.limit.family.names
    handles: list[Any] = []
    labels: list[str] = []
    exact: list[str] = []
    best: int | None = None
    predicted = found.predicted_constant or tuple(math.nan for _ in names)
    for i, parameter in enumerate(names):
        colour, marker = style.SERIES[i % len(style.SERIES)]
        good = np.isfinite(found.error[i]) & (found.error[i] > 0)
        if np.all(found.error[i][good] <= 10 * found.noise[i][good]):
            exact.append(f"${style.name(parameter)}$")
            continue
        (line,) = ax.loglog(
            found.h[good], found.error[i][good], marker=marker, color=colour, linewidth=1.2,
            markersize=max(7 - 1.2 * i, 3.5), markeredgecolor="white", markeredgewidth=0.6, zorder=3 + 0.1 * i,
        )  # fmt: skip
        handles.append(line)
        labels.append(f"${style.name(parameter)}$: {_order(found.orders[i], predicted[i], found.predicted_order)}")
        if math.isfinite(found.orders[i]) and abs(found.orders[i] - found.order) < 0.3:
            best = i if best is None or _level(found, i) < _level(found, best) else best
        if math.isfinite(predicted[i]) and predicted[i] != 0:
            ax.loglog(
                found.h, abs(predicted[i]) * found.h**found.predicted_order, color=style.INK, linewidth=0.8,
                linestyle=(0, (5, 3)), zorder=6, scalex=False, scaley=False,
            )  # fmt: skip
    if any(math.isfinite(c) and c != 0 for c in predicted) and handles:
        handles.append(Line2D([], [], color=style.INK, linewidth=0.8, linestyle=(0, (5, 3))))
        labels.append("predicted leading term")
    if exact:
        handles.append(Line2D([], [], linestyle="none"))
        labels.append(f"{', '.join(exact)}: no error")
    if _rounding(ax, found):
        handles.append(Patch(facecolor=style.SHADE))
        labels.append("rounding shows")
    if best is not None:
        _triangle(ax, found, best)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("$h$" if found.side == "right" else "$-h$")
    ax.set_ylabel(r"$|\theta_i(h) - \theta_i^*|$")
    ax.grid(True, which="major", color="#e6e6e6", linewidth=0.6)
    ax.set_axisbelow(True)
    style.plain(ax)
    style.titled(ax, found.limit, "both" if found.side == "right" else found.side)
    known = [order for order in found.orders if math.isfinite(order)]
    if known and max(known) - min(known) > 0.5:  # lines that fan out leave no room for the legend: make some below
        low, high = ax.get_ylim()
        ax.set_ylim(low * (low / high) ** 0.25, high)
    ax.legend(handles, labels, loc="best", fontsize="small", framealpha=0.9, edgecolor="none", borderaxespad=0.3)
    return ax


def _measured(f: Any, x0: Any, family: Any, rule: Any, h: Any, side: Literal["right", "left"]) -> Any:
    if all(hasattr(f, name) for name in ("predicted_order", "order_spread", "limit")):
        return f
    if x0 is None:
        raise NotApplicable(
            "convergence needs the point: ky.plot.convergence(f, x0, …), or what ky.convergence returned."
        )
    return measure(f, x0, family, rule, h=h, side=side)


def _order(order: float, constant: float, predicted: float) -> str:
    if math.isnan(order):
        return "no order"
    guess = f" (predicted {predicted:g})" if math.isfinite(constant) and constant != 0 else ""
    return f"order {order:.2f}{guess}"


def _level(found: Any, i: int) -> float:
    return float(np.nanmedian(np.where(found.error[i] > 0, found.error[i], np.nan)))


def _rounding(ax: Axes, found: Any) -> bool:
    """Grey where rounding is as large as the error."""
    noise = np.hypot.reduce(found.noise, axis=0)
    drowned = np.isfinite(found.norm) & (found.norm < 10 * noise)
    if not drowned.any() or drowned.all():
        return False
    edge = float(np.max(found.h[drowned]))
    if edge >= float(np.max(found.h)):
        return False
    left = ax.get_xlim()[0]
    ax.axvspan(left, edge, color=style.SHADE, zorder=0, linewidth=0)
    ax.set_xlim(left=left)
    return True


def _triangle(ax: Axes, found: Any, i: int) -> None:
    """A right triangle below the lowest curve of the vector's order, with the slope beside it."""
    clear = (found.error[i] > 30 * found.noise[i]) & (found.error[i] > 0)
    h, error = found.h[clear], found.error[i][clear]
    if len(h) < 4 or not math.isfinite(found.order):
        return
    low, high = math.log10(h.min()), math.log10(h.max())
    width = min(1.0, 0.25 * (high - low))
    start = low + 0.45 * (high - low)
    a, b = 10**start, 10 ** (start + width)
    drop = 10 ** (-0.06 * abs(math.log10(ax.get_ylim()[1] / ax.get_ylim()[0])))
    base = float(np.exp(np.interp(math.log(a), *(np.log(v[::-1]) for v in (h, error))))) * drop
    top = base * (b / a) ** found.order
    ax.fill([a, b, b], [base, base, top], facecolor="none", edgecolor=style.INK, linewidth=0.9, zorder=4)
    ax.annotate(
        f"{found.order:.2f}", (b, math.sqrt(base * top)), xytext=(4, 0), textcoords="offset points", va="center",
        fontsize="small", color=style.INK,
    )  # fmt: skip
    ax.annotate(
        "1", (math.sqrt(a * b), base), xytext=(0, -3), textcoords="offset points", ha="center", va="top",
        fontsize="small", color=style.INK,
    )  # fmt: skip
