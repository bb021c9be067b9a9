"""What the residuals of a fit say of the noise: whether it hangs together, and over how far.

A fit takes from the residuals the lowest frequencies, about one for each sample that it spends. The others tell the
noise's spectrum: an autoregression of order two is fitted to their periodogram (of the cosine transform) by Whittle's
likelihood (Ark. Mat. 2, 1953), and read at frequency zero: the long-run variance, which averages of many samples have.

Where the noise hangs together so, y_i − φ₁ y_{i−1} − φ₂ y_{i−2} holds white noise again (Cochrane and Orcutt, J. Am.
Stat. Assoc. 44, 1949), and of an exponential the same one, later by a few samples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .compress import legendre

WORTH = 4.0  # what −2 log likelihood must fall by for the second coefficient
_BANDS = 80
CLEAR = 12.0  # what −2 log likelihood must gain before noise is called correlated
_SLIGHT = 1.05  # and by what its long-run σ must exceed that of single samples
_RUN, _RUNS = 1024, 10  # stretches of a long series that are looked at
_DEGREES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_PER_DEGREE = 12  # samples
_LEAST = 200  # samples: in fewer, a curve passes for noise
_VAGUE = (1.6, 3.0)  # times: as far the noise's power is off, where a fit has taken the lowest frequencies; at most
_FALLS = 1.5  # times, from the second quarter of the frequencies to the last: more than white noise does
_SAME = 1.5  # times the σ of single samples that so close a fit leaves: beyond, curve is left


class Correlation(NamedTuple):
    """σ of single samples, and for long averages; φ₁ and φ₂; the reach in samples (1: white); the gain over white
    noise in −2 log likelihood."""

    short: float
    long: float
    first: float
    second: float
    reach: int
    gain: float

    def spectrum(self, turn: np.ndarray | float) -> np.ndarray:
        """The noise's power at frequencies in radians a sample, over that of white noise of the same σ."""
        z = np.exp(-1j * np.asarray(turn))
        response = np.abs(1 - self.first * z - self.second * z * z) / (1 - self.first - self.second)
        return np.asarray((self.long / self.short / response) ** 2)


def autocovariances(residual: np.ndarray, lags: int) -> np.ndarray:
    """(lags + 1, …): means of r_i r_{i+k} along the last axis, all divided by the same number."""
    n = residual.shape[-1]
    rows = [np.einsum("...i,...i->...", residual[..., k:], residual[..., : max(n - k, 0)]) for k in range(lags + 1)]
    return np.array(rows) / n


def judge(residual: np.ndarray, spent: float, kept: np.ndarray | None = None) -> Correlation:
    """The noise of residuals (runs, samples) of a fit that spends ``spent`` samples of each run, at the lowest
    frequencies; of a fit that spends others besides, ``kept`` (runs, samples) tells which it does not."""
    n = residual.shape[1]
    kept = np.ones((1, n)) if kept is None else kept.astype(float)
    number = np.broadcast_to(kept, residual.shape).sum(axis=0)
    low = min(int(np.ceil(spent)) + 2, n // 2)
    edges = np.unique(np.geomspace(1, n - low + 1, _BANDS).round().astype(int)) - 1 + low
    weight = np.add.reduceat(number[: edges[-1]], edges[:-1])
    power = np.add.reduceat((kept * cosines(residual) ** 2).sum(axis=0)[: edges[-1]], edges[:-1])
    turn = np.pi * (edges[:-1] + edges[1:] - 1) / 2 / n
    known = weight > 0
    weight, power, turn = weight[known], power[known] / weight[known], turn[known]
    total = int(weight.sum())
    white = float(np.average(power, weights=weight)) if total else 0.0
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


def hangs(residual: np.ndarray, spent: float, kept: np.ndarray | None = None) -> Correlation | None:
    """The noise of residuals (runs, samples), where it clearly hangs together; None else. See ``judge``."""
    limit = 6 * np.median(np.abs(residual))  # steps and outliers
    if not limit > 0 or residual.shape[1] < 32:
        return None
    rest = np.clip(residual, -limit, limit)
    found = judge(rest, min(spent, rest.shape[1] / 4), kept)
    if not (found.gain > CLEAR and found.long > _SLIGHT * found.short):
        return None
    # a kink that the fit misses is in one place, noise is everywhere
    few = len(rest) < 4
    parts = np.array_split(rest, 4, axis=1) if few else np.array_split(rest, min(len(rest), _RUNS))
    share = spent * parts[0].shape[1] / rest.shape[1]
    masks = [None] * len(parts) if few or kept is None else np.array_split(kept, len(parts))
    gains = [judge(one, min(share, one.shape[1] / 4), mask).gain for one, mask in zip(parts, masks, strict=True)]
    return found if np.median(gains) > CLEAR / 4 else None


def of(t: np.ndarray, y: np.ndarray) -> Correlation | None:
    """The noise of a series, where it hangs together: what polynomials leave, of the degree that its curve needs.

    None also where no polynomial holds the curve.
    """
    n = t.size
    count = min(_RUNS, max(1, n // _RUN))
    size = min(n, 2 * _RUN) if count == 1 else _RUN
    rows = np.linspace(0, n - size, count).astype(int)[:, None] + np.arange(size)
    low, high = t[rows[:, :1]], t[rows[:, -1:]]
    degrees = [d for d in _DEGREES if d * _PER_DEGREE <= size]
    if n < _LEAST:
        return None
    q = np.linalg.qr(legendre((2 * t[rows] - low - high) / (high - low), degrees[-1]))[0]
    values = y[rows] - y[rows].mean(axis=1, keepdims=True)
    c = np.matmul(values[:, None, :], q)[:, 0]

    def rest(degree: int) -> np.ndarray:
        some = slice(0, degree + 1)
        return np.asarray(values - np.matmul(q[..., some], c[:, some, None])[..., 0])

    top = degrees[-1]
    if not np.sqrt(np.mean(rest(top) ** 2)) > 1e-9 * np.max(np.abs(y)):
        return None
    close = judge(rest(top), top + 1.0)
    for vague in _VAGUE:
        for degree in degrees[:-1]:  # the lowest beyond which there is noise alone
            tails = [c[:, degree + 1 : end + 1] ** 2 for end in (2 * degree, top)]
            if all(one.mean() < vague * close.long**2 * (1 + 3 * np.sqrt(2 / one.size)) for one in tails):
                found = hangs(rest(degree), degree + 1.0)
                if found is None or vague == _VAGUE[0] or found.short < _SAME * close.short:
                    return found
    return None


def falls(y: np.ndarray) -> bool:
    """Whether the power of a series falls where a curve has none left, from the second quarter of its frequencies to
    the last, as that of noise which hangs together does. Of second differences, so that what is local stays so."""
    power = cosines(np.diff(y, 2)) ** 2
    turn = np.pi * (np.arange(power.size) + 0.5) / max(power.size, 1)
    power = power / (2 * np.sin(turn / 2)) ** 4
    middle, last = power[(turn > np.pi / 4) & (turn < np.pi / 2)], power[turn > 3 * np.pi / 4]
    return bool(middle.size and middle.mean() > _FALLS * last.mean())


def whitened(t: np.ndarray, y: np.ndarray, noise: Correlation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The series with white noise and the same curve, and the filter's lags in units of t with their weights (2, 3).

    The weights sum to one, and the times are moved by the mean lag, so that straight lines stay; e^{Bs} is only scaled.
    At uneven times, means of some neighbours instead.
    """
    gaps = np.diff(t)
    usual = float(np.median(gaps))
    alike = np.abs(gaps - usual) < 1e-3 * usual
    if alike.mean() < 0.9:
        group = min(noise.reach, max(1, t.size // 50))
        whole = t.size // group * group
        tt, yy = (one[:whole].reshape(-1, group).mean(axis=1) for one in (t, y))
        return tt, yy, np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    weights = np.array([1.0, -noise.first, -noise.second]) / (1 - noise.first - noise.second)
    lead = -float(weights @ [0, 1, 2])  # in samples
    kept = alike[1:] & alike[:-1]
    yy = weights[0] * y[2:] + weights[1] * y[1:-1] + weights[2] * y[:-2]
    return t[2:][kept] + lead * usual, yy[kept], np.array([(lead + np.arange(3)) * usual, weights])


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
