"""Degree and width for a short series, where halves of a window hold too few samples: by what the fit leaves.

Two criteria judge each candidate by its residuals and by the number of samples it spends, tr = Σ leverages: generalised
cross-validation, mean r² / (1 − tr/n)² (Craven and Wahba, Numer. Math. 31, 1979), which at times follows the noise, and
the corrected AIC, log mean r² + 2(tr + 1)/(n − tr − 2) (Hurvich, Simonoff and Tsai, J. R. Statist. Soc. B 60, 1998),
which at times smooths too much. The candidate is taken that stands best where it stands worse, or one that spends less
and is worse by no more than chance. σ is that of its residuals, √(Σ r² / (n − tr)), so that the bias which it leaves is
part of the errors, and half the squared step to degree p + 2 joins them, as one series cannot show all of its bias. One
choice for the whole series.

Neither criterion can tell correlated noise, which a close fit follows at no cost: to both, what it follows is signal.
That is asked by Schwarz's criterion (Ann. Statist. 6, 1978), log v + log n (tr + a)/n with v the innovation variance of
an autoregression of order a of the residuals: where a > 0 stands better, its fit is taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import correlation, exact
from . import noise as noises
from .result import Curve, Found

MOST = 300  # samples: beyond, the pyramid is as good, faster, and adapts along the series
JOINED = 12 * MOST  # samples, up to which means of neighbours make a short series where the noise hangs together
_WIDTHS = 32
_TOP = 13
EASE = 0.6
SPENT = 0.2  # of the samples: a fit that spends more cannot tell signal from correlated noise
_ORDERS = 4  # of the autoregression
_TELL = 30  # samples, below which correlation is not looked for
CLEAR, UNSURE = 0.0, 3.0  # of −2 log likelihood: what calls noise correlated, and what leaves it open
UNSEEN = 0.5  # of the squared step to degree p + 2, for the bias


class Choice(NamedTuple):
    """Degree, half-width away from the ends (units of t), σ, samples spent, and the noise's correlation.

    ``blind`` says that correlated noise would explain the series about as well as what the fit follows in it.
    """

    degree: int
    half: float
    sigma: float
    trace: float
    noise: correlation.Correlation | None = None
    blind: bool = False


class _Candidate(NamedTuple):
    """A fit and what it leaves; arrays (channels,) but for ``residual`` (count, channels)."""

    degree: int
    half: float
    order: int  # of the autoregression
    trace: float
    residual: np.ndarray
    crossed: np.ndarray
    corrected: np.ndarray
    marginal: np.ndarray


def curve(t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str) -> tuple[Curve, list[noises.Noise]]:
    """A short series, sample by sample: the curve with errors for σ = 1, and the noise.

    A longer one whose noise hangs together is one too, of means of neighbours: they lose little of what it tells.
    """
    group = -(-len(t) // MOST)
    root = float(np.sqrt(group))
    starts, ends = t[: len(t) // group * group : group], t[group - 1 :: group]
    t, y = noises.means(t, y, group)
    orders, m = len(matrix), y.shape[1]
    choices = choose(t, y, orders, side)
    if side != "both":  # windows of one side spend far more samples, which would tell nothing of the noise
        others = choose(t, y, orders, "both")
        choices = [c._replace(blind=o.blind or o.noise is not None) for c, o in zip(choices, others, strict=True)]
    ways = []
    for degree, half in sorted({(c.degree, c.half) for c in choices}):
        some = np.array([j for j, c in enumerate(choices) if (c.degree, c.half) == (degree, half)])
        sigma = np.array([choices[j].sigma for j in some])
        ways.append((degree, half, some, _unseen(t, y[:, some], matrix, side, degree, half, sigma)))

    def read(x: np.ndarray) -> Found:
        jets, errors = np.empty((orders, len(x), m)), np.empty((orders, len(x), m))
        widths = np.empty((len(x), m))
        for degree, half, some, swell in ways:
            away = reach(t, x, half, side)
            if side == "both" or group == 1:
                fits = exact.fits(t, y[:, some], x, away, degree, orders, side)
            else:  # no mean may hold a sample of the other side
                place = _clear(starts, ends, x, side)
                fits = exact.fits(t, y[:, some], place, away, degree, degree + 1, side).moved(x - place, orders)
            jet, error = fits.at(degree), fits.errors(degree, matrix)
            for lower in range(degree - 1, orders - 2, -1):  # beside an end one side may hold too few samples
                bad = ~np.isfinite(error[0])
                if not bad.any():
                    break
                jet[:, bad] = fits.at(lower)[:, bad]
                error[:, bad] = fits.errors(lower, matrix)[:, bad]
            jets[..., some], errors[..., some] = jet, error[..., None] / root * swell[:, None]
            widths[:, some] = away[:, None]
        return jets, errors, widths

    found = [
        noises.Noise(c.noise.long * root, c.noise.reach * group, c.noise.short, blind=True)
        if c.noise
        else noises.Noise(c.sigma * root, 1, c.sigma, blind=c.blind)
        for c in choices
    ]
    return read, found


def _clear(starts: np.ndarray, ends: np.ndarray, x: np.ndarray, side: str) -> np.ndarray:
    """The nearest point on the side asked for that lies between two groups of samples; outside where there is none."""
    if side == "right":
        place = np.append(starts, 2 * ends[-1] - starts[-1])
        return place[np.searchsorted(starts, x, side="left")]
    place = np.insert(ends, 0, 2 * starts[0] - ends[0])
    return place[np.searchsorted(ends, x, side="right")]


def _unseen(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, degree: int, half: float, sigma: np.ndarray
) -> np.ndarray:
    """(N, m): by what the errors grow for the bias, which one series cannot show: half of the step to degree p + 2."""
    top = min(degree + (2 if side == "both" else 1), len(t) - 1)
    fits = exact.fits(t, y, t, reach(t, t, half, side), top, len(matrix), side)
    error = fits.errors(degree, matrix)
    step = np.tensordot(matrix, fits.at(top) - fits.at(degree), axes=1)
    with np.errstate(all="ignore"):
        ratio = (step / (error[..., None] * sigma)) ** 2
        if side != "both" and top > degree:  # from a window's end most of the step is noise
            rise = fits.derivatives[:, top] ** 2 * fits.noise[top, top]
            ratio -= (np.tensordot(matrix**2, rise, axes=1) / error**2)[..., None]
    known = np.isfinite(ratio)
    ratio = np.where(known, ratio, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.sqrt(1 + UNSEEN * np.maximum(ratio, 0))


def choose(t: np.ndarray, y: np.ndarray, orders: int, side: str) -> list[Choice]:
    """The choice for each channel of y (n, m)."""
    n, m = y.shape
    span = float(t[-1] - t[0])
    found: list[_Candidate] = []
    lowest = orders - 1 if orders % 2 == 0 else orders  # at even distances from the ends an even degree adds nothing
    degrees = [p for p in range(max(lowest, 1), max(_TOP, lowest) + 1, 2) if p <= n - 2] or [orders - 1]
    for half in np.geomspace(min(2.2 * span / (n - 1), span), 2 * span, _WIDTHS):
        fits = exact.fits(t, y, t, reach(t, t, half, side), degrees[-1], 1, side)
        jets, leverage = fits.jets()[:, 0], fits.leverages()
        for p in degrees:
            known = np.isfinite(jets[p]).all(axis=1)
            count = int(known.sum())
            if count < (n if side == "both" else 0.7 * n):
                continue
            trace = float(leverage[p][known].sum())
            if count - trace < 2.5 and p > orders - 1:
                continue
            found += _judged(p, half, trace, y[known] - jets[p][known])
    if not found:
        return [Choice(orders - 1, 2 * span, 0.0, float(orders))] * m
    return [_chosen(found, j, n) for j in range(m)]


def _judged(degree: int, half: float, trace: float, residual: np.ndarray) -> list[_Candidate]:
    """The criteria for white noise, and for noise that is an autoregression."""
    count = len(residual)
    most = _ORDERS if count >= _TELL else 0
    variances, sums = correlation.autoregressions(correlation.autocovariances(residual.T, most))
    out = []
    for a, (variance, total) in enumerate(zip(variances, sums, strict=True)):
        left = count - trace - a
        if a and left < 4:
            break
        with np.errstate(divide="ignore"):
            log = np.log(variance) if a else np.log(np.mean(residual**2, axis=0))
        if a:
            log = np.where((total > 0) & (variance > 1e-290), log, np.inf)  # a fit too close leaves Σφ < 0
        crossed = log - 2 * np.log(max(left / count, 1e-9))
        corrected = log + 2 * (trace + a + 1) / max(left - 2, 1e-9)
        marginal = log + np.log(count) * (trace + a) / count
        out.append(_Candidate(degree, float(half), a, trace, residual, crossed, corrected, marginal))
    return out


def _chosen(found: list[_Candidate], channel: int, n: int) -> Choice:
    """White noise, unless correlated noise explains the series better with fewer samples spent.

    Cross-validation and AIC cannot tell: what a close fit follows counts as signal there, whatever it was.
    """
    best = _best([one for one in found if not one.order], channel, n)
    white = min(float(one.marginal[channel]) for one in found if not one.order)
    other = min((one for one in found if one.order), key=lambda one: float(one.marginal[channel]), default=None)
    gain = n * (white - float(other.marginal[channel])) if other is not None and np.isfinite(white) else -np.inf
    if other is not None and gain > CLEAR:
        best = other
    rest = best.residual[:, channel]
    count = len(rest)
    if not best.order:
        sigma = float(np.sqrt(np.sum(rest**2) / max(count - best.trace, 1e-9)))
        return Choice(best.degree, best.half, sigma, best.trace, None, gain > -UNSURE or best.trace > SPENT * n)
    noise = correlation.judge(rest[None], best.trace)
    return Choice(best.degree, best.half, noise.short, best.trace, noise)


def _best(found: list[_Candidate], channel: int, n: int) -> _Candidate:
    """Best where it stands worse; or what spends less, and stands worse by no more than chance does."""
    scores = np.array([[one.crossed[channel], one.corrected[channel]] for one in found])
    with np.errstate(invalid="ignore"):
        score = (scores - np.fmin.reduce(scores)).max(axis=1)
    score[np.isnan(score)] = 0.0  # -inf - -inf: no residual at all
    traces = np.array([one.trace + one.order for one in found])
    least = int(np.argmin(score))
    # √(2Δtr)/n is one deviation of the criteria
    slack = EASE * np.sqrt(2 * np.maximum(traces[least] - traces, 0)) / n + 1e-9
    equal = np.flatnonzero(score <= score[least] + slack)
    return found[min(equal, key=lambda i: (traces[i], found[i].degree, -found[i].half))]


def reach(t: np.ndarray, x: np.ndarray, half: float, side: str) -> np.ndarray:
    """The half-width at each point: beside the ends as much as keeps the window as long as elsewhere."""
    if side != "both":
        return np.full(len(x), 2 * half)
    near, far = np.minimum(x - t[0], t[-1] - x), np.maximum(x - t[0], t[-1] - x)
    length = t[-1] - t[0]
    return np.maximum(half, 2 * half - near if 2 * half < length else far * (1 + 1e-9))
