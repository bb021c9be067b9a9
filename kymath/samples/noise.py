"""How large the noise is, before anything is fitted, and over how many samples it hangs together.

A pseudo-residual is y_i − (the Lagrange interpolation of its 2m neighbours), scaled to the variance of y_i; for any t
(Gasser, Sroka and Jennen-Steinmetz, Biometrika 73, 1986). It sees the noise near the highest frequency. The same of the
means of b neighbours, times √b, sees it at b times lower frequency: equal for white noise; growing to a plateau, the
long-run σ, for correlated noise, at most fourfold per doubling of b (a random walk); and far faster where it is the
signal that no longer cancels. The long-run σ is what the standard errors of averages over many samples need.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ORDERS = (1, 2, 3, 4)
CLIP = 20.0  # in median absolute deviations: steps and outliers
WALK = 4.5  # growth per doubling that no noise shows
_RUN, _RUNS = 4096, 10


class Noise(NamedTuple):
    """σ of one channel for averages over many samples, the block beyond which samples are independent, and a flag.

    ``short`` is σ of single samples; ``settled`` is False where the plateau lies beyond the scale of the signal;
    ``blind`` says that a short series is followed so closely that correlated noise could not be told from it.
    """

    sigma: float
    block: int
    short: float
    settled: bool = True
    blind: bool = False


def measure(t: np.ndarray, y: np.ndarray) -> list[Noise]:
    """The noise of each channel of y (n, m), no gaps."""
    runs = _runs(t, y)
    scales, rows, counts = [], [], []
    block = 1
    while len(runs[0][0]) // block >= 24 or block == 1:
        squares = [_squares(*_means(tt, yy, block)) for tt, yy in runs]
        scales.append(block)
        rows.append(block * _least(squares))
        counts.append(sum(len(tt) // block for tt, _ in runs))
        block *= 2
    table = np.array(rows)
    return [_read(scales, table[:, j], counts) for j in range(y.shape[1])]


def _read(scales: list[int], s: np.ndarray, counts: list[int]) -> Noise:
    """Follow σ²(b) up to its plateau."""
    short = float(np.sqrt(s[0]))
    if not s[0] > 0:
        return Noise(short, 1, short)
    best, accepted, signal = 0, 0, False
    for i in range(len(s) - 1):
        sd = np.sqrt(6.0 / counts[i + 1])
        growth = s[i + 1] / s[i]
        if growth > WALK:
            signal = True
            break
        if growth > 1 + (2.5 if best == 0 else 1.5) * sd:
            best, accepted = i + 1, accepted + 1
        elif best == 0 or i - best >= 1:
            break
    else:
        signal = best == len(s) - 1
    if best == 0 or (signal and accepted < 2):  # white, or one step before the signal shows
        return Noise(short, 1, short)
    return Noise(float(np.sqrt(s[: best + 1].max())), scales[best], short, settled=not signal)


def _runs(t: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The series, or some stretches of a long one."""
    if len(t) <= _RUN * _RUNS:
        return [(t, y)]
    starts = np.linspace(0, len(t) - _RUN, _RUNS).astype(int)
    return [(t[s : s + _RUN], y[s : s + _RUN]) for s in starts]


def _means(t: np.ndarray, y: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    if block == 1:
        return t, y
    k = len(t) // block
    return t[: k * block].reshape(k, block).mean(1), y[: k * block].reshape(k, block, -1).mean(1)


def _squares(t: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The squared pseudo-residuals, an array for each order that the points allow."""
    return [pseudo_residuals(t, y, m) ** 2 for m in ORDERS if len(t) >= max(2 * m + 1, 4 * m)]


def _least(squares: list[list[np.ndarray]]) -> np.ndarray:
    """The least mean square over the orders, clipped."""
    means = []
    for order in zip(*squares, strict=False):
        r = np.concatenate(order)
        limit = np.median(r, axis=0) * CLIP**2
        means.append(np.mean(np.where(limit > 0, np.minimum(r, limit), r), axis=0))
    return np.min(means, axis=0) if means else np.zeros(squares[0][0].shape[1] if squares[0] else 1)


def pseudo_residuals(t: np.ndarray, y: np.ndarray, m: int) -> np.ndarray:
    """(n − 2m, channels): what 2m neighbours leave of each sample, of the variance of one sample."""
    n = len(t) - 2 * m
    offsets = [j for j in range(2 * m + 1) if j != m]
    centre = t[m : m + n]
    near = np.stack([t[j : j + n] - centre for j in offsets])
    residual = y[m : m + n].copy()
    square = np.ones(n)
    for i, j in enumerate(offsets):
        weight = np.ones(n)
        for k in range(2 * m):
            if k != i:
                weight *= near[k] / (near[k] - near[i])
        residual -= weight[:, None] * y[j : j + n]
        square += weight**2
    return residual / np.sqrt(square)[:, None]
