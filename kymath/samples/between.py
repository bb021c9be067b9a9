"""Wide windows overlap almost wholly: fit at nodes, and read the points between off a cubic."""

from __future__ import annotations

import numpy as np

DENSITY = 24  # nodes per half window
ALONE, _BESIDE = 256, 8  # points, up to which each has neighbours of its own: so many


def grid(at: np.ndarray, half: float, density: int = DENSITY) -> np.ndarray | None:
    """Equally spaced nodes over the points, or None where that saves less than half of the fits."""
    low, high = float(at.min()), float(at.max())
    count = int(np.ceil((high - low) / half * density)) + 4
    if count < 6 or 2 * count > at.size:
        return None
    return np.linspace(low, high, count)


def beside(t: np.ndarray, at: np.ndarray, half: float) -> np.ndarray:
    """Points within half a half-width of those that are few, inside the data: what is told of a point hangs on its
    neighbourhood, and not on what else is asked for."""
    steps = half / _BESIDE * np.delete(np.arange(-_BESIDE // 2, _BESIDE // 2 + 1), _BESIDE // 2)
    more = (at[:, None] + steps).ravel()
    return more[(more >= t[0]) & (more <= t[-1])]


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


def chebyshev(at: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Some of the whole numbers ``at`` spans, ascending, and Lagrange's weights (at, nodes) for a value at each ``at``:
    all of them where there are no more than ``most``, else near Chebyshev's points."""
    low, high = int(at.min()), int(at.max())
    every = np.unique(at)
    if every.size <= 2 * most:
        return every, np.equal(at[:, None], every).astype(float)
    chebyshev = np.cos(np.pi * np.arange(most - 1, -1, -1) / (most - 1))
    nodes = np.unique(np.round((low + high) / 2 + (high - low) / 2 * chebyshev).astype(int))
    apart = (nodes[:, None] - nodes) * (4 / (high - low)) + np.eye(nodes.size)
    with np.errstate(all="ignore"):
        weights = 1 / apart.prod(axis=1) / (at[:, None] - nodes)
        weights /= weights.sum(axis=1, keepdims=True)
    return nodes, np.where(np.isfinite(weights), weights, 1.0)
