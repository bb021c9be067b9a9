"""The wave nearest to each of many curves of one window: a spectrum to start from, then least squares."""

from __future__ import annotations

import numpy as np

from .fits import Fit, refine, wave

_CELLS = 2**21  # numbers held at a time
_FINER = 4  # frequencies of the spectrum between neighbouring ones of a plain Fourier transform


def lowest(x: np.ndarray) -> float:
    """The frequency that has one period in the window, less 5 %: what is lower shows no period."""
    return float(0.95 / (np.ptp(x) + spacing(x)))


def spacing(x: np.ndarray) -> float:
    return float(np.diff(x).min())


def waves(x: np.ndarray, y: np.ndarray) -> Fit:
    """C + A cos 2πfx + B sin 2πfx nearest to each row of centred y (rows, n), with p = f in cycles per unit of x.

    From one period in the window to half a cycle per slot. The start is the highest point of the spectrum of least
    squares with a floating mean (Zechmeister & Kürster, *Astron. Astrophys.* 496, 2009), by one Fourier transform.
    """
    u, low, high = x - x.mean(), lowest(x), 0.5 / spacing(x)
    start = np.concatenate([_peaks(x, y[rows], low) for rows in _parts(x, y)]) if len(y) else np.empty(0)
    start = np.minimum(
        start, high - 0.25 / (np.ptp(x) + spacing(x))
    )  # at the end itself there is no sine, and no slope
    return refine(u, y, wave, start[:, None], np.array([low]), np.array([high]))


def _parts(x: np.ndarray, y: np.ndarray) -> list[slice]:
    size = max(1, _CELLS // (_FINER * len(x)))
    return [slice(first, first + size) for first in range(0, len(y), size)]


def _peaks(x: np.ndarray, y: np.ndarray, low: float) -> np.ndarray:
    """The frequency at which a wave takes the most of the energy of each row."""
    step = spacing(x)
    slots = np.rint((x - x[0]) / step).astype(int)
    size = 2 ** int(np.ceil(np.log2(_FINER * (slots[-1] + 1))))
    there, on_grid = np.zeros(size), np.zeros((len(y), size))
    there[slots], on_grid[:, slots] = 1, y
    f = np.arange(max(1, int(np.ceil(low * step * size))), size // 2 + 1)
    mask, found = np.fft.fft(there), np.fft.rfft(on_grid, axis=1)[:, f]
    once, twice, n = mask[f], mask[2 * f % size], len(x)
    # sums of cos², sin² and cos sin about their means, and of y cos and y sin
    cc, ss = (n + twice.real) / 2 - once.real**2 / n, (n - twice.real) / 2 - once.imag**2 / n
    cs = -twice.imag / 2 + once.real * once.imag / n
    yc, ys = found.real, -found.imag
    whole = cc * ss - cs**2
    single = whole <= 1e-9 * n * n  # at half a cycle per slot there is no sine
    energy = (ss * yc**2 + cc * ys**2 - 2 * cs * yc * ys) / np.where(single, 1, whole)
    alone = np.where(cc > ss, yc**2, ys**2) / np.maximum(np.maximum(cc, ss), 1e-300)
    return np.asarray(f[np.where(single, alone, energy).argmax(axis=1)] / (size * step))
