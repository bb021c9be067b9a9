"""Wide windows overlap almost wholly: fit at nodes, and read the points between off a cubic."""

from __future__ import annotations

import numpy as np

DENSITY = 24  # nodes per half window


def grid(t: np.ndarray, at: np.ndarray, half: float) -> np.ndarray | None:
    """Equally spaced nodes over the points, or None where that saves less than half of the fits."""
    low, high = float(at.min()), float(at.max())
    count = int(np.ceil((high - low) / half * DENSITY)) + 4
    if count < 6 or 2 * count > at.size:
        return None
    return np.linspace(low, high, count)


def stencil(nodes: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first of the four nodes about every point, and their Lagrange weights (4, k)."""
    step = nodes[1] - nodes[0]
    first = np.clip(((at - nodes[0]) / step).astype(int) - 1, 0, nodes.size - 4)
    x = (at - nodes[first]) / step
    weights = np.array([
        -(x - 1) * (x - 2) * (x - 3) / 6, x * (x - 2) * (x - 3) / 2,
        -x * (x - 1) * (x - 3) / 2, x * (x - 1) * (x - 2) / 6,
    ])  # fmt: skip
    return first, weights


def read(values: np.ndarray, first: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The cubic through four nodes' values (…, K), at every point (…, k)."""
    return sum((weights[j] * values[..., first + j] for j in range(4)), start=np.zeros(first.size))
