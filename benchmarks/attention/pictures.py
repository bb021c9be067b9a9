"""The pictures: time against the length, both on logarithmic axes; the loss of every run of training."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter
from targets import WORDS

INK, SHADE, OTHER = "#1a1a1a", "#ececec", "#6e6e6e"
STYLES = {
    "ky": ("#0072b2", "o", "KY-attention"),
    "sdpa": ("#1a1a1a", "s", "causal SDPA"),
    "reference": ("#d55e00", "^", "the paper's form"),
    "local-attention": ("#8c8c8c", "D", "local-attention"),
}


def times(found, path):
    """Forward on the left, forward and backward on the right."""
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.0), sharey=True, layout="constrained")
    lengths = sorted({row.length for row in found.rows})
    for ax, (what, words) in zip(axes, WORDS.items(), strict=True):
        for name in found.names:
            colour, marker, label = STYLES[name]
            rows = found.of(name)
            points = [1e3 * getattr(row, what) for row in rows]
            ax.plot([row.length for row in rows], points, color=colour, marker=marker, ms=5, lw=1.5, label=label)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks(lengths, [f"{n}" for n in lengths])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        ax.minorticks_off()
        ax.set_xlabel("tokens, L", color=INK)
        ax.set_title(words, fontsize=10, color=INK)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color=SHADE, lw=0.8)
        ax.set_axisbelow(True)
    axes[0].set_ylabel("milliseconds", color=INK)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def losses(found, path):
    """A row for each attention: a dot for each seed, a bar at the mean."""
    names = found.attentions[::-1]
    figure, ax = plt.subplots(figsize=(6.4, 0.42 * len(names) + 1.1), layout="constrained")
    for row, name in enumerate(names):
        colour = STYLES["ky"][0] if name == "ky" else OTHER
        values = found.values(name, "loss")
        ax.plot(values, [row] * len(values), "o", color=colour, ms=6, mfc="none", mew=1.4)
        mean = found.mean(name, "loss")
        ax.plot([mean, mean], [row - 0.28, row + 0.28], color=colour, lw=2.2)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel("validation loss, nats", color=INK)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=SHADE, lw=0.8)
    ax.set_axisbelow(True)
    figure.savefig(path, dpi=150)
    plt.close(figure)
