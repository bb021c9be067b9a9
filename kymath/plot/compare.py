"""The picture of a comparison: f and the curve of each family about x0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import sympy as sp
from matplotlib.axes import Axes

from ..compare import compare as measure
from ..errors import NotApplicable
from ..evidence import Side
from ..expressions import latex
from . import style
from .connection import POINTS, _curve, _limits, _span

#: the curves that are not the best: colour and dashes, told apart by either
OTHERS = (
    ("#0072b2", (0, (5, 2))),
    ("#009e73", (0, (1.5, 1.5))),
    ("#cc79a7", (0, (7, 2, 1.5, 2))),
    ("#56b4e9", (0, (3, 1.2))),
    ("#e69f00", (0, (3, 1.5, 1, 1.5, 1, 1.5))),
    ("#8c8c8c", (0, (9, 3))),
    ("#8c510a", (0, (1, 3))),
)
LINE = 0.052  # of a label, as a part of the height


def compare(
    f: Any,
    x0: Any = None,
    families: Any = None,
    *,
    side: Literal["both", "right", "left"] = "both",
    span: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """f and the connection curve of each family about x0, the best one emphasised, each named beside its end.

    ``f``: what :func:`kymath.compare` returned, or some of its rows; or a function, with ``x0``, ``families`` and
    ``side`` for :func:`kymath.compare`. ``span``: how far to each side of x0 the picture reaches (None: one and a half
    of the comparison's length, which is shaded). ``ax``: the axes to draw on (None: a new figure). Families with the
    same curve share a label; those without a curve are named below the title. Returns the Axes; it shows nothing.

    Raises ``NotApplicable`` where no family has a curve or for a span that is none, and what :func:`kymath.compare`
    raises. Source: this project's.

    >>> import sympy as sp, kymath as ky
    >>> import matplotlib; matplotlib.use("Agg")
    >>> ax = ky.plot.compare(sp.exp(sp.Symbol("x")), 0, [ky.Linear(), ky.Exponential()])
    >>> [text.get_text() for text in ax.texts]
    ['$|t - x_0| \\\\leq L$', 'Linear', 'Exponential', '$f$']
    """
    found = _found(f, x0, families, side)
    rows = list(getattr(found, "rows", found))
    drawn = [row for row in rows if row.success]
    if not drawn:
        raise NotApplicable("there is nothing to draw: no family has a curve at this point.")
    if span is not None and not (np.ndim(span) == 0 and np.isfinite(span) and span > 0):
        raise NotApplicable(f"span must be a positive number; {span!r} was given.")
    best = getattr(found, "best", None)
    first = (best or drawn[0]).result
    function, middle = first.function, float(first.x0)
    length = getattr(found, "length", math.nan)
    theta = tuple(float(c) for c in first.theta)
    reach = float(span or (1.5 * length if math.isfinite(length) else _span(function, first, theta, middle)))
    left, right = {"right": (0.25, 1.0), "left": (1.0, 0.25)}.get(first.side, (1.0, 1.0))
    t = np.linspace(middle - left * reach, middle + right * reach, POINTS)
    y = function(t)
    low, high = _limits(y, _curve(first, t, theta))
    ax = style.axes(ax, (7.2, 4.4))
    if math.isfinite(length):
        ax.axvspan(max(middle - length, t[0]), min(middle + length, t[-1]), color=style.SHADE, linewidth=0, zorder=0)
        ax.text(
            max(middle - length, t[0]) + 0.02 * reach, 0.012, "$|t - x_0| \\leq L$", fontsize="x-small",
            color="#595959", transform=ax.get_xaxis_transform(), va="bottom", zorder=6,
            bbox={"facecolor": style.SHADE, "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    ax.plot(t, y, color=style.INK, linewidth=1.8, zorder=4)
    ends = []
    quiet = iter(OTHERS * len(drawn))
    for curve, names, chosen in _curves(drawn, best, t, high - low):
        colour, dashes = (style.LIMIT, (0, (4.5, 1.8))) if chosen else next(quiet)
        look: dict[str, Any] = {
            "color": colour,
            "linestyle": dashes,
            "linewidth": 2.4 if chosen else 1.3,
            "zorder": 5 if chosen else 3,
        }
        ax.plot(t, curve, **look)
        ends.append((_end(curve, low, high), "\n= ".join(names), look, chosen))
    ends.append((_end(y, low, high), "$f$", {"color": style.INK, "linestyle": "-", "linewidth": 1.8}, False))
    ax.plot(
        [middle], function(np.array([middle])), "o", color="white", markeredgecolor=style.INK, markeredgewidth=1.6,
        markersize=7.5, zorder=6,
    )  # fmt: skip
    ax.set_xlim(t[0], t[-1])
    ax.set_ylim(low, high)
    ax.set_xlabel("$t$")
    style.plain(ax)
    _label(ax, ends)
    _title(ax, first, best, [row for row in rows if not row.success], getattr(found, "verdict", None) is not None)
    return ax


def _found(f: Any, x0: Any, families: Any, side: Side) -> Any:
    rows = f if isinstance(f, (list, tuple)) else getattr(f, "rows", None)
    if rows is not None:
        if not rows or not all(hasattr(row, "result") and hasattr(row, "family") for row in rows):
            raise NotApplicable("compare draws what ky.compare returned, or rows of it.")
        return f
    if x0 is None:
        raise NotApplicable("compare needs the point: ky.plot.compare(f, x0, …), or what ky.compare returned.")
    return measure(f, x0, families, side=side)


def _curves(rows: Sequence[Any], best: Any, t: np.ndarray, height: float) -> list[tuple[np.ndarray, list[str], bool]]:
    """Each curve once, with the names of its families: the first is that of the row that was given first."""
    out: list[tuple[np.ndarray, list[str], bool]] = []
    for row in rows:
        curve = _curve(row.result, t, tuple(float(c) for c in row.result.theta))
        for other, names, _ in out:
            with np.errstate(invalid="ignore"):
                if np.nanmax(np.abs(curve - other), initial=0.0) <= 1e-6 * height:
                    names.append(_name(row.family))
                    break
        else:
            out.append((curve, [_name(row.family)], row is best))
    return out


def _name(family: Any) -> str:
    word = repr(family).removesuffix("()")
    return (word if len(word) <= 26 else word[:25] + "…").replace("$", r"\$")


def _end(curve: np.ndarray, low: float, high: float) -> float:
    """Where the curve is at the right end, as a part of the height; below 0 or above 1 where it left the picture."""
    known = curve[np.isfinite(curve)]
    return (float(np.clip(known[-1], -1e300, 1e300)) - low) / (high - low) if known.size else 1.0


def _label(ax: Axes, ends: list[tuple[float, str, dict[str, Any], bool]]) -> None:
    """The names to the right of the picture, in the order of the curves' ends, each tied to its end."""
    ends = sorted(ends, key=lambda end: round(end[0], 6))  # f above the curve that is f
    heights = [LINE * (1.4 + name.count("\n")) for _, name, _, _ in ends]
    places = _spread([min(max(at, 0.0), 1.0) for at, _, _, _ in ends], heights)
    beside: dict[str, Any] = {"transform": ax.transAxes, "clip_on": False, "scalex": False, "scaley": False}
    for (at, name, look, chosen), place in zip(ends, places, strict=True):
        if 0 <= at <= 1:  # a curve that left the picture has no end to be tied to
            ax.plot([1.005, 1.04], [at, place], color=look["color"], linewidth=0.6, **beside)
        ax.plot([1.045, 1.105], [place, place], **look, **beside)
        ax.text(
            1.12, place, name, transform=ax.transAxes, va="center", fontsize="small", color=style.INK,
            fontweight="bold" if chosen else "normal", linespacing=1.1,
        )  # fmt: skip


def _spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Rising places near the wanted ones for labels of these heights; those that would touch share a mean."""
    below = [sum(heights[:k]) + heights[k] / 2 for k in range(len(heights))]
    blocks: list[list[float]] = []  # of wanted places, less the height of what is below
    for place, base in zip(wanted, below, strict=True):
        blocks.append([place - base])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    shifts = [float(np.mean(block)) for block in blocks for _ in block]
    room = max(1.0 - sum(heights), 0.0)
    return [min(max(shift, 0.0), room) + base for shift, base in zip(shifts, below, strict=True)]


def _title(ax: Axes, first: Any, best: Any, failed: Sequence[Any], judged: bool) -> None:
    function = first.function
    tex = style.function_tex(first)
    known = function.symbolic and tex != "f"
    head = f"$f({latex(function.variable)}) = {tex}$" if known else f"${tex}$"
    point = style.figure(first.x0 if isinstance(first.x0, sp.Basic) else float(first.x0), 4)
    word = f": {_name(best.family)}" if best is not None else ": undecided" if judged else ""
    text = f"{head} at $x_0 = {point}${word}"
    if failed:
        text += f"\nno curve: {', '.join(_name(row.family) for row in failed)}"
    ax.set_title(text, fontsize="medium", color=style.INK)
