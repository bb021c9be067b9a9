"""Where a window's spectrum is strongest: the start of every fit of an oscillation."""

from __future__ import annotations

import numpy as np

from .compress import Frames, legendre
from .convolved import fast_length

_SHARE = 0.25  # windows whose middles are nearer than this part of the half length share a start
_NEAR = 40_000  # cells that are transformed at a time: they stay in the processor's memory
_FEW = 8  # windows of one length that are worth a table of their own


def dominant(t: np.ndarray, y: np.ndarray, windows: Frames, trend: int) -> np.ndarray:
    """κ = ω·half (k,) of the wave that, with a trend of the degree given (−1: none), explains most of each window.

    The least-squares spectrum, exact on an equally spaced grid (Lomb, Astrophys. Space Sci. 39 (1976) 447, with the
    trend fitted along); unequal spacing is interpolated, which is enough for a start.
    """
    kind = np.round(4 * np.log2(windows.half)).astype(int)
    cell = np.floor(windows.middle / (_SHARE * 2.0 ** (kind / 4))).astype(int)
    alike = np.stack([kind, cell])
    order = np.lexsort(alike)
    first = np.append(True, (np.diff(alike[:, order]) != 0).any(axis=0))
    nodes = np.minimum.reduceat(order, np.flatnonzero(first))  # of each cell's windows the first
    back = np.empty(order.size, dtype=int)
    back[order] = np.cumsum(first) - 1
    found = np.zeros(nodes.size)
    count = np.maximum(windows.count[nodes], 8)
    sizes, which, number = np.unique(count, return_inverse=True, return_counts=True)
    # windows of many lengths, few of each, are padded to the longest of an octave
    group = np.where(number < _FEW, -np.floor(np.log2(sizes)), sizes)[which]
    for one in np.unique(group):
        same = np.flatnonzero(group == one)
        found[same] = _peak(t, y, windows[nodes[same]], count[same], trend)
    return np.round(found[back] * windows.half / windows.half[nodes][back], 6)


def _peak(t: np.ndarray, y: np.ndarray, windows: Frames, count: np.ndarray, trend: int) -> np.ndarray:
    count, which = np.unique(count, return_inverse=True)
    which = which if count.size > 1 else np.zeros(1, dtype=int)  # one row of tables for all
    most = int(count[-1])
    inside = np.arange(most) < count[:, None]
    u = np.where(inside, 2 * np.arange(most) / (count[:, None] - 1) - 1, 0.0)
    even = np.zeros((count.size, 0, most))
    if trend >= 0:
        powers = legendre(u, min(trend, int(count[0]) - 4)) * inside[..., None]
        even = np.ascontiguousarray(np.linalg.qr(powers)[0].swapaxes(1, 2))
    length = fast_length(4 * most)
    bins = slice(1, length // 2)
    turn = np.pi * np.arange(1, length // 2) / length
    centre = np.exp(1j * turn * (count[:, None] - 1))  # the grid's middle is u = 0
    cross = np.fft.rfft(even, length, axis=2)[..., bins] * centre[:, None]
    # Σ cos² and Σ sin² on the symmetric grid, less what the trend takes
    double = np.sin(2 * turn * count[:, None]) / np.sin(2 * turn)
    cosines = (count[:, None] + double) / 2 - (cross.real**2).sum(axis=1)
    sines = (count[:, None] - double) / 2 - (cross.imag**2).sum(axis=1)
    least = 1e-6 * count[:, None]
    with np.errstate(all="ignore"):
        cosines, sines = np.where(cosines > least, 1 / cosines, 0.0), np.where(sines > least, 1 / sines, 0.0)
    gaps = np.diff(t)
    usual = 10 * float(np.median(gaps))
    holes, best = gaps.max() > usual, np.empty(windows.lo.size, dtype=int)
    rows = max(1, _NEAR // length)
    for first in range(0, best.size, rows):
        some = slice(first, first + rows)
        own = which[some] if which.size > 1 else which
        points = windows.middle[some, None] + windows.half[some, None] * u[own]
        values = np.interp(points, t, y) * inside[own]
        if trend >= 0:
            values -= values.sum(axis=1, keepdims=True) / count[own, None] * inside[own]
            values = _without(values, even[own])
        if holes:  # a straight line over a gap would be a wave of its own
            hole = gaps[np.clip(np.searchsorted(t, points) - 1, 0, gaps.size - 1)] > usual
            values = _without(np.where(hole, 0.0, values), even[own])
        waves = np.fft.rfft(values, length, axis=1)[:, bins] * centre[own]
        best[some] = np.argmax(waves.real**2 * cosines[own] + waves.imag**2 * sines[own], axis=1)
    best = best // 2 * 2  # every other one: neighbours share more carriers
    return np.asarray(turn[best] * (count[which] - 1))


def _without(values: np.ndarray, even: np.ndarray) -> np.ndarray:
    """Rows (k, w) less what the orthonormal rows ``even`` (k or 1, p, w) hold of them."""
    if len(even) == 1:
        return values - (values @ even[0].T) @ even[0]
    return values - np.matmul(np.matmul(values[:, None, :], even.swapaxes(1, 2)), even)[:, 0]


def fastest(y: np.ndarray) -> float:
    """Radians per sample below which 99 % of the variation lies, judged from some dozen stretches."""
    length = int(min(y.size, 4096))
    begins = np.unique(np.linspace(0, y.size - length, 24).astype(int))
    rows = y[begins[:, None] + np.arange(length)]
    u = legendre(np.linspace(-1, 1, length), min(2, length - 1))
    q = np.linalg.qr(u)[0]
    rows = (rows - (rows @ q) @ q.T) * np.hanning(length)
    power = np.abs(np.fft.rfft(rows, axis=1)) ** 2
    share = np.cumsum(power, axis=1) / np.maximum(power.sum(axis=1, keepdims=True), 1e-300)
    return float(np.max(np.argmax(share > 0.99, axis=1) + 2) * 2 * np.pi / length)
