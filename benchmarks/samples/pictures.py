"""The picture: our error over the best peer's, a dot for each case."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from score import Row
from targets import ALLOWED

INK, QUIET, SHADE, TARGET = "#1a1a1a", "#8c8c8c", "#ececec", "#d55e00"
COLOURS = {300: "#cc79a7", 1000: "#e69f00", 10_000: "#56b4e9", 100_000: "#0072b2"}


def ratios(rows, path):
    """Inside on the left, at the edges on the right; signals from the top, colours by n."""
    names = list(dict.fromkeys((row.question, row.shape) for row in rows))
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 0.27 * len(names) + 1.3), sharey=True, layout="constrained")
    for ax, ratio, label in zip(axes, (Row.ratio, Row.along), ("inside", "at the edges"), strict=True):
        for n in sorted({row.n for row in rows}):
            some, colour = [row for row in rows if row.n == n], COLOURS[n]
            y = [names.index((row.question, row.shape)) + 0.16 * (list(COLOURS).index(n) - 1.5) for row in some]
            ax.scatter([ratio(r) for r in some], y, s=13, color=colour, alpha=0.8, linewidth=0, label=f"n = {n}")
        ax.axvline(1, color=QUIET, lw=0.8, zorder=0)
        ax.axvline(ALLOWED, color=TARGET, lw=1.2, zorder=0)
        ax.set_xscale("log")
        low, high = np.nanquantile([ratio(row) for row in rows], (0, 1))
        ax.set_xlim(low / 1.3, high * 1.3)
        ax.set_xlabel(f"error {label}, × the best peer's", color=INK)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.grid(axis="y", color=SHADE, lw=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(names)), [f"{question}: {shape}" for question, shape in names])
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)
    plt.close(figure)
