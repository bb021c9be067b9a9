"""Where a window's spectrum is strongest: the start of every fit of an oscillation."""

from __future__ import annotations

import numpy as np

from .compress import Frames, legendre
from .convolved import fast_length

_SHARE = 0.25  # windows whose middles are nearer than this part of the half length share a start


def dominant(t: np.ndarray, y: np.ndarray, windows: Frames, trend: int) -> np.ndarray:
    """κ = ω·half (k,) of the wave that, with a trend of the degree given (−1: none), explains most of each window.

    The least-squares spectrum, exact on an equally spaced grid (Lomb, Astrophys. Space Sci. 39 (1976) 447, with the
    trend fitted along); unequal spacing is interpolated, which is enough for a start.
    """
    kind = np.round(4 * np.log2(windows.half)).astype(int)
    cell = np.floor(windows.middle / (_SHARE * 2.0 ** (kind / 4))).astype(int)
    _, nodes, back = np.unique(np.stack([kind, cell]), axis=1, return_index=True, return_inverse=True)
    found = np.zeros(nodes.size)
    count = np.maximum(windows.count[nodes], 8)
    for size in np.unique(count):
        same = np.flatnonzero(count == size)
        rows = max(1, 500_000 // int(size))
        for start in range(0, same.size, rows):
            some = same[start : start + rows]
            found[some] = _peak(t, y, windows[nodes[some]], int(size), trend)
    kappa = found[back.reshape(-1)] * windows.half / windows.half[nodes][back.reshape(-1)]
    return np.round(kappa, 6)


def _peak(t: np.ndarray, y: np.ndarray, windows: Frames, size: int, trend: int) -> np.ndarray:
    u = np.linspace(-1, 1, size)
    points = windows.middle[:, None] + windows.half[:, None] * u
    values = np.interp(points, t, y)
    gaps = np.diff(t)
    usual = 10 * float(np.median(gaps))
    hole = gaps[np.clip(np.searchsorted(t, points) - 1, 0, gaps.size - 1)] > usual if gaps.max() > usual else None
    even = np.zeros((0, size))
    if trend >= 0:
        even = np.linalg.qr(legendre(u, min(trend, size - 4)))[0].T
        values = values - values.mean(axis=1, keepdims=True)
        values = values - (values @ even.T) @ even
    if hole is not None:  # a straight line over a gap would be a wave of its own
        values = np.where(hole, 0.0, values)
        values = values - (values @ even.T) @ even
    length = fast_length(4 * size)
    bins = np.arange(1, length // 2)
    kappa = np.pi * bins / length * (size - 1)
    centre = np.exp(1j * kappa)  # the grid's middle is u = 0

    def transform(rows: np.ndarray) -> np.ndarray:
        return np.conj(np.fft.rfft(rows, length, axis=1)[:, bins] * centre)

    waves = transform(values)
    cross = transform(even)
    # Σ cos² and Σ sin² on the symmetric grid, less what the trend takes
    double = np.sin(2 * np.pi * bins / length * size) / np.maximum(np.abs(np.sin(2 * np.pi * bins / length)), 1e-300)
    double *= np.sign(np.sin(2 * np.pi * bins / length))
    cosines = (size + double) / 2 - (cross.real**2).sum(axis=0)
    sines = (size - double) / 2 - (cross.imag**2).sum(axis=0)
    with np.errstate(all="ignore"):
        gain = np.where(cosines > 1e-6 * size, waves.real**2 / cosines, 0.0)
        gain = gain + np.where(sines > 1e-6 * size, waves.imag**2 / sines, 0.0)
    return kappa[np.argmax(gain, axis=1) // 2 * 2]  # every other one: neighbours share more carriers


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
