"""The local fit at given points with a given half-width, sample by sample: what a window says, without bins.

The work grows with the samples in all windows together; the pyramid replaces it where that is too much.
"""

from __future__ import annotations

import numpy as np

from . import local

_CHUNK = 1 << 17


def reach(t: np.ndarray, x: np.ndarray, half: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """The first sample of each window and the first behind it."""
    low = np.searchsorted(t, x if side == "right" else x - half, side="left")
    high = np.searchsorted(t, x if side == "left" else x + half, side="right")
    return low, high


def fits(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: np.ndarray, degree: int, orders: int, side: str = "both"
) -> local.Fits:
    """The fits at x of all degrees up to ``degree``; NaN without samples."""
    low, high = reach(t, x, half, side)
    m, size = y.shape[1], degree + 1
    out = local.Fits(
        np.full((size, len(x), m), np.nan),
        np.full((orders, size, len(x)), np.nan),
        np.full((size, size, len(x)), np.nan),
    )
    product = local.products(degree)
    start = 0
    while start < len(x):
        longest = np.maximum.accumulate(high[start:] - low[start:])
        fitting = np.flatnonzero(longest * np.arange(1, len(longest) + 1) * (m + 2 * size) > _CHUNK)
        stop = start + max(1, int(fitting[0]) if len(fitting) else len(longest))
        here = slice(start, stop)
        start = stop
        most = int((high[here] - low[here]).max())
        if most <= 0:
            continue
        rows = low[here, None] + np.arange(most)
        inside = rows < high[here, None]
        rows = np.minimum(rows, len(t) - 1)
        distance = (t[rows] - x[here, None]) / half[here, None]
        kernel = np.where(inside, np.maximum(1 - distance**2, 0), 0)
        # the frame is where the samples are: a window that an end cuts short stays well conditioned
        first, last = t[np.minimum(low[here], len(t) - 1)], t[np.maximum(high[here] - 1, 0)]
        centre, radius = (first + last) / 2, np.maximum((last - first) / 2, 1e-9 * half[here])
        basis = local.orthonormal(np.clip((t[rows] - centre[:, None]) / radius[:, None], -1, 1), 2 * degree)
        gram, spread = (
            (product @ np.matmul(k[:, None], basis)[:, 0].T).reshape(size, size, -1) for k in (kernel, kernel**2)
        )
        right = np.matmul((kernel[..., None] * basis[..., :size]).transpose(0, 2, 1), y[rows])
        at = (x[here] - centre) / radius
        moved = local.derivatives_at(at, degree, orders) * radius ** -np.arange(orders)[:, None, None].astype(float)
        solved = local.solved(gram, spread, right.transpose(1, 0, 2), moved)
        out.coefficients[:, here], out.derivatives[..., here] = solved.coefficients, solved.derivatives
        out.noise[..., here] = solved.noise
    return out
