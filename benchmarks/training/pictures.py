"""The picture: the loss of every run, a row for each attention."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

INK, SHADE, KY, OTHER = "#1a1a1a", "#ececec", "#0072b2", "#6e6e6e"


def losses(found, path):
    """A dot for each seed, a bar at the mean."""
    names = found.attentions[::-1]
    figure, ax = plt.subplots(figsize=(6.4, 0.42 * len(names) + 1.1), layout="constrained")
    for row, name in enumerate(names):
        colour = KY if name == "ky" else OTHER
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
