"""The pictures: digits and evaluations, hard cases, kinks, time. In colours that the colour-blind tell apart."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from honesty import KINDS, NUMBER, REFUSED, RIGHT, RIGHTLY, TIGHT, VAGUE, WRONG
from kinks import SIZES
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from smooth import ORDERS
from targets import MICROSECONDS, RATIOS

INK, QUIET, SHADE = "#1a1a1a", "#8c8c8c", "#ececec"
OURS, PEER, TARGET = "#0072b2", "#8c8c8c", "#d55e00"
BLUES = [mpl.colormaps["Blues"](v) for v in (0.3, 0.5, 0.72, 1.0)]
GREYS = [mpl.colormaps["Greys"](v) for v in (0.25, 0.45, 0.65, 0.9)]
KIND_COLOURS = {
    RIGHT: "#0072b2",
    RIGHTLY: "#56b4e9",
    VAGUE: "#cfe6f5",
    REFUSED: "#dddddd",
    TIGHT: "#f0e442",
    WRONG: "#d55e00",
    NUMBER: "#1a1a1a",
}


def save(figure, path):
    figure.savefig(path, dpi=150)
    plt.close(figure)


def clean(ax, names, ours):
    """One line for each name, from the top; kymath's in its own colour."""
    ax.set_yticks(range(len(names)), [name.replace("`", "") for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    for label, our in zip(ax.get_yticklabels(), ours, strict=True):
        label.set_color(OURS if our else INK)
    ax.spines[["top", "right", "left"]].set_visible(False)


def plain_numbers(ax):
    """On a logarithmic axis: 1, 10, 1k and not powers."""
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / 1000:.0f}k" if v >= 1000 else f"{v:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(NullLocator())


def short(value):
    """Three figures, without powers of ten."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def digits(rows, path):
    """A dot for each order, and the evaluations beside it."""
    rows = sorted(rows, key=lambda r: (r.digit(8) is not None, r.digit(8) or 0, r.digit(1)), reverse=True)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.2, 5.0), sharey=True, layout="constrained", width_ratios=(2.4, 1)
    )
    for y, row in enumerate(rows):
        shades = BLUES if row.method.ours else GREYS
        known = [(n, row.digit(n), c) for n, c in zip(ORDERS, shades, strict=True) if row.digit(n) is not None]
        left.plot([d for _, d, _ in known], [y] * len(known), color=SHADE, lw=5, solid_capstyle="round", zorder=1)
        for n, d, colour in reversed(known):
            left.scatter(d, y, s=62, color=colour, edgecolor="white", linewidth=0.8, zorder=3 + 1 / n)
        count = row.evaluations(max(n for n, _, _ in known))
        right.scatter(count, y, s=62, color=shades[2], zorder=3)
        right.annotate(
            f"{count:.0f}", (count, y), (7, 0), textcoords="offset points", va="center", color=INK, fontsize=9
        )
    clean(left, [row.method.name for row in rows], [row.method.ours for row in rows])
    _orders(left, rows)
    left.set_xlim(-0.4, 16.6)
    left.set_xticks(range(0, 17, 2))
    left.set_xlabel("correct digits of the n-th Taylor coefficient, median")
    right.set_xscale("log")
    right.set_xlim(0.7, 1100)
    plain_numbers(right)
    right.tick_params(axis="y", length=0)
    right.spines[["top", "right", "left"]].set_visible(False)
    right.set_xlabel("evaluations of f, highest order")
    for ax in (left, right):
        ax.grid(axis="x", color=SHADE, lw=0.8, zorder=0)
        ax.set_axisbelow(True)
    save(figure, path)


def _orders(ax, rows):
    """Which dot is which order, said at the row whose dots lie farthest apart."""
    gaps = [min(np.diff(sorted(row.digit(n) for n in ORDERS))) if row.digit(8) is not None else 0 for row in rows]
    y = int(np.argmax(gaps))
    for n in ORDERS:
        text = f"n = {n}" if n in (ORDERS[0], ORDERS[-1]) else f"{n}"
        ax.annotate(
            text, (rows[y].digit(n), y), (0, 7), textcoords="offset points", ha="center", color=INK, fontsize=8.5
        )


def hard(answers, path):
    """What the hard cases got, in bars."""
    answers = sorted(answers, key=lambda r: (r.bad / len(r.found), r.count(REFUSED) / len(r.found)))
    figure, ax = plt.subplots(figsize=(9.2, 5.2), layout="constrained")
    for y, row in enumerate(answers):
        start = 0.0
        for kind in KINDS:
            share = 100 * row.count(kind) / len(row.found)
            ax.barh(y, share, left=start, color=KIND_COLOURS[kind], height=0.72, edgecolor="white", linewidth=0.8)
            if share > 2.2:
                colour = "white" if kind in (RIGHT, WRONG, NUMBER) else INK
                ax.text(start + share / 2, y, row.count(kind), ha="center", va="center", color=colour, fontsize=8.5)
            start += share
    clean(ax, [row.method.name for row in answers], [row.method.ours for row in answers])
    ax.set_xlim(0, 100)
    ax.set_xlabel("% of the hard cases that the method was asked (in the bars: how many)")
    handles = [plt.Rectangle((0, 0), 1, 1, color=KIND_COLOURS[kind]) for kind in KINDS]
    figure.legend(
        handles, [*KINDS[:-1], "a number where no limit exists"], loc="outside upper center", ncols=4, frameon=False,
        fontsize=9, handlelength=1.0, handleheight=1.0, columnspacing=1.6,
    )  # fmt: skip
    save(figure, path)


LINES = {
    "kymath default": ("#009e73", "^", "-"),
    "kymath Adaptive": ("#0072b2", "o", "-"),
    "kymath default, values only": ("#d55e00", "s", "--"),
    "numdifftools Derivative": ("#8c8c8c", "v", "-"),
    "scipy.differentiate": ("#1a1a1a", "D", "-"),
}


def kinks(rows, path):
    """How often an error failed to cover, by the size of the kink."""
    figure, ax = plt.subplots(figsize=(9.2, 3.8), layout="constrained")
    ends = []
    for row in rows:
        colour, mark, dash = LINES[row.method.plain]
        asked = {a: row.refused[a] + row.covers[a] + row.misses[a] for a in row.misses}
        sizes = [a for a in asked if asked[a]]
        shares = [100 * row.misses[a] / asked[a] for a in sizes]
        ax.plot(sizes, shares, color=colour, marker=mark, ls=dash, ms=6, lw=1.8, clip_on=False, zorder=3)
        ends.append((shares[-1], row.method.plain, colour))
    top = max(5.0, 1.08 * ax.get_ylim()[1])
    ax.set_ylim(0, top)
    place = -np.inf
    for share, name, colour in sorted(ends):  # labels at the right end, kept apart
        place = max(share / top, place + 0.075)
        ax.annotate(name, (1.02, place), xycoords="axes fraction", color=colour, va="center", fontsize=9.5)
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xticks(SIZES[::3])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("size A of a kink A |s| s$^{p-1}$ exactly at x0, smaller to the right")
    ax.set_ylabel("error does not cover,\n% of all questions asked")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color=SHADE, lw=0.8)
    ax.set_axisbelow(True)
    save(figure, path)


def times(through, overhead, path):
    """Many points and one point, each with the project's own target."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 3.4), layout="constrained")
    through = [row for row in through if row.ratio is not None]
    _bars(left, through, [row.ratio for row in through], {k: v[0] for k, v in RATIOS.items()}, " ×")
    left.set_xlabel("time at many points, × a central difference")
    overhead = [row for row in overhead if row.microseconds is not None]
    _bars(right, overhead, [row.microseconds for row in overhead], MICROSECONDS, " µs")
    right.set_xlabel("µs a call at one point, beyond f itself")
    save(figure, path)


def _bars(ax, rows, values, targets, unit):
    names = [row.name for row in rows]
    for y, (row, value) in enumerate(zip(rows, values, strict=True)):
        name = row.name.replace("`", "")
        ax.scatter(value, y, s=70, color=OURS if name in targets or "kymath" in name else PEER, zorder=4)
        right = max(value, targets.get(name, 0))
        ax.annotate(
            short(value) + unit, (right, y), (9, 0), textcoords="offset points", va="center", color=INK, fontsize=9
        )
        if name in targets:
            ax.plot([targets[name], value], [y, y], color=SHADE, lw=4, zorder=2)
            ax.scatter(targets[name], y, s=150, marker="|", color=TARGET, linewidth=2.2, zorder=5)
    ax.set_xscale("log")
    low, high = min([*values, *targets.values()]), max([*values, *targets.values()])
    ax.set_xlim(low / 2, high * 6)
    plain_numbers(ax)
    clean(ax, names, ["kymath" in name for name in names])
    ax.grid(axis="x", color=SHADE, lw=0.8)
    ax.set_axisbelow(True)
    first = next((y for y, name in enumerate(names) if name.replace("`", "") in targets), None)
    if first is not None:
        target = targets[names[first].replace("`", "")]
        ax.annotate(
            "target", (target, first), (0, 9), textcoords="offset points", ha="center", color=TARGET, fontsize=8.5
        )
