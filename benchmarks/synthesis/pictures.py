"""The pictures of the page."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from costs import STEPS

from kymath.plot.style import INK, LIMIT, QUIET, SERIES, plain

mpl.use("Agg")
import matplotlib.pyplot as plt


def everything(grown, training, contraction, bound, cycle, out):
    """Growth of the cost, the training's convergence, and the lemma both ways."""
    figure, panels = plt.subplots(1, 3, figsize=(10.8, 3.4), layout="constrained")
    growth(panels[0], grown["n"])
    descent(panels[1], training)
    lemma(panels[2], contraction, bound, cycle)
    figure.savefig(out, dpi=150)
    plt.close(figure)


def growth(ax, costs):
    sizes = [size for size, _ in costs]
    for (colour, marker), step in zip(SERIES, STEPS, strict=False):
        ax.loglog(sizes, [1e3 * cost.seconds[step] for _, cost in costs], marker=marker, color=colour, label=step)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="nodes n", ylabel="time, ms", title="One cycle, step by step")
    ax.legend(frameon=False)
    plain(ax)


def descent(ax, training):
    ax.semilogy(training.distances, color=SERIES[0][0])
    ax.set(xlabel="step t", ylabel=r"$\|W_t - W^*\|$", title="Training: the distance to the limit")
    plain(ax)


def lemma(ax, contraction, bound, cycle):
    e = np.asarray(contraction)
    t = np.arange(len(e))
    ax.semilogy(t, e, marker="o", markersize=3.5, color=SERIES[0][0], label="a contraction")
    ax.semilogy(t, e[0] * bound**t, color=QUIET, linestyle="--", label=f"its bound, {bound:.1f}$^t$")
    ax.semilogy(
        np.abs(np.diff(cycle))[: len(e)], marker="s", markersize=3, color=LIMIT, label="bounded weights: a cycle"
    )
    ax.set_ylim(bottom=max(e[e > 0].min() / 3, 1e-16))
    ax.set(xlabel="step t", ylabel="distance to the limit, or change", title="Lemma 1 both ways")
    ax.legend(frameon=False, labelcolor=INK, loc="center right", bbox_to_anchor=(1.02, 0.42), fontsize="small")
    plain(ax)
