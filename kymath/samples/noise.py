"""How large the noise is, before anything is fitted, and over how many samples it hangs together.

A pseudo-residual is y_i − (the Lagrange interpolation of its 2m neighbours), scaled to the variance of y_i; for any t
(Gasser, Sroka and Jennen-Steinmetz, Biometrika 73, 1986). It sees the noise near the highest frequency. The same of the
means of b neighbours, times √b, sees it at b times lower frequency: equal for white noise; growing to a plateau, the
long-run σ, for correlated noise, at most fourfold per doubling of b (a random walk); and far faster where it is the
signal that no longer cancels. The long-run σ is what the standard errors of averages over many samples need.

Where the noise is larger in some places than in others, the squared residuals of a fit show it: the logarithms of their
means over blocks are smoothed by a straight line and as many cosines as stand out. That none does is the order
selection test of Eubank and Hart (Ann. Statist. 20, 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import correlation

ORDERS = (1, 2, 3, 4)
CLIP = 20.0  # in median absolute deviations: steps and outliers
FAR, MANY = 8.0, 0.1  # standard deviations of an outlier, and the share of samples that are none together
PLENTY = 20.0  # degrees of freedom
BORDERS = 0.1  # of the weight in a window
TAIL = 6.0  # the ninth decile of χ² over its median
WALK = 4.5  # growth per doubling that no noise shows
_RUN, _RUNS = 4096, 10
_BLOCKS, _INSIDE = 64, 256  # blocks along the series, and the samples in each that are looked at in a long one
_FEWEST, _SMALLEST = 6, 8  # blocks, and samples in one
_STANDS_OUT = 5.0  # what −2 log likelihood must fall by for each cosine: white noise passes 97 times in 100


class Noise(NamedTuple):
    """σ of one channel for averages over many samples, the block beyond which samples are independent, and a flag.

    ``short`` is σ of single samples; ``settled`` is False where the plateau lies beyond the scale of the signal;
    ``blind`` says that a short series is followed so closely that correlated noise could not be told from it;
    ``missed`` that the fit leaves a wave; ``outliers`` counts the samples far from the curve.
    """

    sigma: float
    block: int
    short: float
    settled: bool = True
    blind: bool = False
    missed: bool = False
    outliers: int = 0

    def at_least(self, sigma: float) -> Noise:
        """The same, but no less than ``sigma``."""
        return self._replace(sigma=max(self.sigma, sigma), short=max(self.short, sigma))

    def like(self, other: Noise) -> bool:
        """Whether a fit under one would be that under the other."""
        return (
            max(1, self.block // 4) <= 2 * max(1, other.block // 4)
            and (self.block > 1) == (other.block > 1)
            and 0.8 * other.sigma <= self.sigma <= 1.25 * other.sigma
        )


def together(noises: Sequence[Noise], counts: Sequence[int]) -> Noise:
    """That of one channel, from its pieces of so many samples: the mean of σ², and whatever is to be told of any."""
    first = max(noises, key=lambda n: n.block)
    each = np.array([(n.sigma, n.short) for n in noises])
    most = np.where(each.max(axis=0) > 0, each.max(axis=0), 1.0)  # squares may be more than doubles hold
    sigma, short = map(float, most * np.sqrt(np.average((each / most) ** 2, axis=0, weights=counts)))
    return first._replace(
        sigma=sigma,
        short=short,
        settled=all(n.settled for n in noises),
        blind=any(n.blind for n in noises),
        missed=any(n.missed for n in noises),
        outliers=sum(n.outliers for n in noises),
    )


def over(block: int, n: int) -> str:
    """How far noise hangs together in a series of n samples, of which no more than a quarter tells a number."""
    return "much of the series" if 4 * block > n else f"some {block} samples"


def told(noises: list[Noise], n: int) -> str:
    """What a reader should know of it, in sentences, where the series has n samples."""
    notes = [n for n in noises if n.block > 1]
    text = ""
    if notes:
        block = max(n.block for n in notes)
        text = f"the noise is correlated over {over(block, n)}: the errors use its long-run variance"
        if not all(n.settled for n in notes):
            text += ", which could not be followed to its end (the signal begins to show): they may be too small"
        text += "."
    if any(n.blind for n in noises):
        text += (
            " the series is short for what the fit follows in it: noise that hangs together over several samples would "
            "be taken for signal, and the errors may be too small then."
        )
    if any(n.missed for n in noises):
        text += (
            " an oscillation stands out of what the fit leaves, and the errors do not hold it: give a bandwidth of a "
            "quarter of its period or less, or fit Harmonic()."
        )
    elif far := max((n.outliers for n in noises), default=0):
        text += (
            f" {far} {'sample lies' if far == 1 else 'samples lie'} far from the curve, which the errors do not allow "
            "for: robust=True leaves outliers out; beside a jump give side, or a bandwidth."
        )
    return text.strip()


def stretches(n: int) -> np.ndarray:
    """(runs, samples): the places of all samples, or of some stretches of a long series."""
    if n <= _RUN * _RUNS:
        return np.arange(n)[None]
    return np.linspace(0, n - _RUN, _RUNS).astype(int)[:, None] + np.arange(_RUN)


def blocks(n: int) -> np.ndarray | None:
    """(blocks, samples): places all along the series; None where it is too short to tell them apart."""
    count = min(_BLOCKS, n // _SMALLEST)
    size = n // count if n <= _RUN * _RUNS and count else _INSIDE
    if count < _FEWEST:
        return None
    return np.linspace(0, n - size, count).astype(int)[:, None] + np.arange(size)


def student(freedom: float) -> float:
    """By how much errors grow where σ is known from so few degrees of freedom: Student's 97.5 % over the normal one.

    NaN where there is none.
    """
    if freedom >= PLENTY:
        return 1.0
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975) / 1.96) if freedom > 0.5 else np.nan


def outliers(squares: np.ndarray) -> int:
    """How many of the squared residuals (blocks, samples) are far beyond those around them; 0 where many are."""
    squares = squares[np.isfinite(squares).all(axis=1)]
    if not len(squares):
        return 0
    usual = np.median(squares, axis=1, keepdims=True)
    scale = np.maximum(usual, np.median(squares) / 2) / 0.455  # the median of χ² with one degree of freedom
    count = int(np.sum(squares > FAR**2 * scale))
    return count if count <= MANY * squares.size else 0


class Local(NamedTuple):
    """σ² along t, relative to that of the series: its integral at some knots."""

    at: np.ndarray
    total: np.ndarray

    def around(self, x: np.ndarray, half: np.ndarray, side: str) -> np.ndarray:
        """σ of fits at x, relative to that of the series: the middle of a window counts most, its borders a little."""
        down, up = half * (side != "right"), half * (side != "left")
        low = np.clip(x - down, self.at[0], np.maximum(self.at[-1] - down - up, self.at[0]))
        near, far = self.over(x - down / 2, x + up / 2), self.over(low, low + down + up)
        return np.sqrt((1 - BORDERS) * near**2 + BORDERS * far**2)

    def over(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """σ over [low, high], relative to that of the series."""
        least = (self.at[-1] - self.at[0]) / len(self.at)
        low = np.clip(low, self.at[0], self.at[-1] - least)
        high = np.clip(high, low + least, self.at[-1])
        rise = np.interp(high, self.at, self.total) - np.interp(low, self.at, self.total)
        return np.sqrt(rise / (high - low))


def local(t: np.ndarray, rows: np.ndarray, squares: np.ndarray, usual: float = np.inf) -> Local | None:
    """How σ varies, from squared residuals at ``rows`` (blocks, samples); None where they may all be alike.

    ``usual`` is the noise's σ²: a mean above it holds what the fit misses in some places, and is no measure of others.
    """
    known = np.isfinite(squares)
    squares = np.where(known, squares, 0)
    median = np.median(squares, axis=1, keepdims=True)
    mean = np.minimum(squares, CLIP**2 * median).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    if not (mean > 1e-290).all():
        return None
    log = np.log(mean)
    count, half = len(log), rows.shape[1] / 2
    line = np.linspace(-1, 1, count)
    slope = float(log @ line / (line @ line))
    wave = correlation.cosines(log - slope * line)
    wave[0] = slope * np.sqrt(line @ line)  # the mean does not matter
    chance = 1 / half + 1 / (2 * half**2) + 1 / (6 * half**3)  # the variance of log χ², trigamma
    chance = max(chance, float(np.mean(wave[count // 2 :] ** 2)))  # more where tails are long or noise hangs together
    gain = np.cumsum(wave**2 / chance - _STANDS_OUT)
    if gain.max() <= 0:
        return None
    wave[0], wave[np.argmax(gain) + 1 :] = 0, 0
    smooth = np.exp(log.mean() + slope * line + correlation.from_cosines(wave))
    knots = np.linspace(t[0], t[-1], 8 * count + 1)
    values = np.interp(knots, t[rows].mean(axis=1), smooth / min(smooth.mean(), usual))
    return Local(knots, np.concatenate([[0], np.cumsum((values[1:] + values[:-1]) / 2 * np.diff(knots))]))


def seen(residual: np.ndarray, spent: float, supposed: Noise, before: Noise) -> Noise:
    """The noise of the residuals (runs, samples) of a fit; ``before``: what pseudo-residuals said of it."""
    rest = residual[:, np.isfinite(residual).all(axis=0)]
    if not (rest.any() and np.isfinite(spent)):
        return supposed
    found = correlation.hangs(rest, spent)
    if found is None:
        return Noise(before.short, 1, before.short)
    known_well = before.block > 1 and before.settled
    long = min(found.long, 2 * before.sigma) if known_well else found.long
    return Noise(long, 2 * found.reach, found.short, supposed.settled)


def measure(t: np.ndarray, y: np.ndarray) -> list[Noise]:
    """The noise of each channel of y (n, m), no gaps."""
    runs = _runs(t, y)
    scales, rows, counts = [], [], []
    block = 1
    while len(runs[0][0]) // block >= 24 or block == 1:
        squares = [_squares(*means(tt, yy, block)) for tt, yy in runs]
        scales.append(block)
        rows.append(block * _least(squares, y.shape[1]))
        counts.append(sum(len(tt) // block for tt, _ in runs))
        block *= 2
    table, rounded = np.array(rows), steps(y)
    return [_read(scales, table[:, j], counts).at_least(float(rounded[j])) for j in range(y.shape[1])]


def steps(y: np.ndarray) -> np.ndarray:
    """(m,) σ of the rounding in y (n, m) where most neighbours are equal: the smallest step over √12; else 0."""
    apart = np.abs(np.diff(y, axis=0))
    step = np.where(apart > 0, apart, np.inf).min(axis=0, initial=np.inf)
    rounded = (apart == 0).mean(axis=0) > 0.5 if len(apart) else np.zeros(y.shape[1], dtype=bool)
    return np.where(rounded & np.isfinite(step), step / np.sqrt(12), 0.0)


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


def means(t: np.ndarray, y: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray]:
    if block == 1:
        return t, y
    k = len(t) // block
    return t[: k * block].reshape(k, block).mean(1), y[: k * block].reshape(k, block, -1).mean(1)


def _squares(t: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The squared pseudo-residuals, an array for each order that the points allow."""
    return [pseudo_residuals(t, y, m) ** 2 for m in ORDERS if len(t) >= max(2 * m + 1, 4 * m)]


def _least(squares: list[list[np.ndarray]], channels: int) -> np.ndarray:
    """The least mean square over the orders, clipped."""
    means = []
    for order in zip(*squares, strict=False):
        r = np.concatenate(order)
        usual = np.maximum(np.median(r, axis=0), np.quantile(r, 0.9, axis=0) / TAIL)
        limit = usual * CLIP**2
        means.append(np.mean(np.where(limit > 0, np.minimum(r, limit), r), axis=0))
    return np.min(means, axis=0) if means else np.zeros(channels)


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
