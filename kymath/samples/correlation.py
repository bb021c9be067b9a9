"""What the residuals of a fit say of the noise: whether it hangs together, and over how far.

A fit takes from the residuals the lowest frequencies, about one for each sample that it spends. The others tell the
noise's spectrum: an autoregression of order two is fitted to their periodogram (of the cosine transform) by Whittle's
likelihood (Ark. Mat. 2, 1953), and read at frequency zero: the long-run variance, which averages of many samples have.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

WORTH = 4.0  # what −2 log likelihood must fall by for the second coefficient
_BANDS = 80


class Correlation(NamedTuple):
    """σ of single samples, and for long averages; φ₁ and φ₂; the reach in samples (1: white); the gain over white
    noise in −2 log likelihood."""

    short: float
    long: float
    first: float
    second: float
    reach: int
    gain: float


def autocovariances(residual: np.ndarray, lags: int) -> np.ndarray:
    """(lags + 1, …): means of r_i r_{i+k} along the last axis, all divided by the same number."""
    n = residual.shape[-1]
    rows = [np.einsum("...i,...i->...", residual[..., k:], residual[..., : n - k]) for k in range(lags + 1)]
    return np.array(rows) / n


def autoregressions(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every order a up to the number of lags: innovation variances (a + 1, …) and Σφ (a + 1, …); Levinson's."""
    variance = np.maximum(covariance[0], 1e-300)
    phi = np.zeros((0, *covariance.shape[1:]))
    variances, sums = [variance], [np.zeros_like(variance)]
    for a in range(1, len(covariance)):
        known = covariance[a] - (phi * covariance[a - 1 : 0 : -1]).sum(axis=0)
        last = np.clip(known / variance, -0.999, 0.999)
        phi = np.concatenate([phi - last * phi[::-1], last[None]])
        variance = np.maximum(variance * (1 - last**2), 1e-300)
        variances.append(variance)
        sums.append(phi.sum(axis=0))
    return np.array(variances), np.array(sums)


def judge(residual: np.ndarray, spent: float) -> Correlation:
    """The noise of residuals (runs, samples) of a fit that spends ``spent`` samples of each run."""
    runs, n = residual.shape
    power = np.mean(cosines(residual) ** 2, axis=0)
    low = min(int(np.ceil(spent)) + 2, n // 2)
    edges = np.unique(np.geomspace(1, n - low + 1, _BANDS).round().astype(int)) - 1 + low
    count = np.diff(edges)
    power = np.add.reduceat(power[: edges[-1]], edges[:-1]) / count
    turn = np.pi * (edges[:-1] + edges[1:] - 1) / 2 / n
    weight = runs * count
    total = int(weight.sum())
    white = float(np.average(power, weights=weight))
    if not white > 0:
        return Correlation(0.0, 0.0, 0.0, 0.0, 1, 0.0)
    first, second = _grid()
    # 1/|1 − φ₁z − φ₂z²|², the shape of the spectrum
    cosine, double = np.cos(turn), np.cos(2 * turn)
    inverse = (1 + first**2 + second**2)[:, None] - 2 * (first * (1 - second))[:, None] * cosine
    inverse = np.maximum(inverse - 2 * second[:, None] * double, 1e-12)
    scale = inverse @ (weight * power) / total
    cost = total * np.log(scale) - np.log(inverse) @ weight
    plain = second == 0
    best = int(np.argmin(cost + WORTH * ~plain))
    a, b = float(first[best]), float(second[best])
    gain = total * np.log(white) - float(cost[best])
    innovation = float(scale[best])
    long = innovation / (1 - a - b) ** 2
    short = innovation * (1 - b) / ((1 + b) * ((1 - b) ** 2 - a**2))
    ratio = max(long / short, 1.0)
    return Correlation(float(np.sqrt(short)), float(np.sqrt(long)), a, b, int(np.ceil(2 * ratio)), gain)


def cosines(values: np.ndarray) -> np.ndarray:
    """The orthonormal cosine transform (DCT-II) along the last axis (Makhoul, IEEE Trans. ASSP 28, 1980)."""
    n = values.shape[-1]
    folded = np.concatenate([values[..., ::2], values[..., 1::2][..., ::-1]], axis=-1)
    half = np.fft.rfft(folded) * np.exp(-0.5j * np.pi * np.arange(n // 2 + 1) / n)
    out = np.concatenate([half.real, -half.imag[..., (n - 1) // 2 : 0 : -1]], axis=-1) * np.sqrt(2 / n)
    out[..., 0] /= np.sqrt(2)
    return out


def from_cosines(waves: np.ndarray) -> np.ndarray:
    """The inverse of ``cosines`` for one short row, by its matrix."""
    n = len(waves)
    basis = np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(n)) / n) * np.sqrt(2 / n)
    basis[:, 0] /= np.sqrt(2)
    return basis @ waves


@lru_cache(maxsize=1)
def _grid() -> tuple[np.ndarray, np.ndarray]:
    """φ₁ and φ₂ of many stationary autoregressions, from their partial autocorrelations."""
    near = np.tanh(np.linspace(0, 2.3, 47))
    own = np.concatenate([-np.tanh(np.linspace(0.1, 1.2, 12)), [0.0], np.tanh(np.linspace(0.1, 1.2, 12))])
    p, q = (a.ravel() for a in np.meshgrid(near, own))
    first = p * (1 - q)
    keep = first + q <= near[-1]
    return first[keep], q[keep]
