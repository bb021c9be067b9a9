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
an autoregression of order a of the residuals: where a > 0 stands better, its fit is taken. One whose spectrum does not
fall is a wave, no noise; and where one frequency stands out of what the choice leaves, a fit that spends more is taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import averaged, correlation, exact, hidden, local, missed
from . import noise as noises
from .result import Curve, Found

MOST = 300  # samples: beyond, the pyramid is as good, faster, and adapts along the series
JOINED = 12 * MOST  # samples, up to which means of neighbours make a short series where the noise hangs together
SHAPED = 5 * MOST  # and up to which a series is fitted sample by sample where the noise's spectrum is known
_WIDTHS = 32
_TOP = 13
EASE, STEADY = 0.6, 1.5  # deviations of a criterion that are chance: of white noise, and of one whose spectrum is known
SPENT = 0.2  # of the samples: a fit that spends more cannot tell signal from correlated noise
_ORDERS = 4  # of the autoregression
_TELL = 30  # samples, below which correlation is not looked for
CLEAR, UNSURE = 0.0, 3.0  # of −2 log likelihood: what calls noise correlated, and what leaves it open
FALLS = 3.0  # times its power at frequency zero, above which an autoregression is a wave and no noise
_TURNS = 33  # frequencies at which that is looked at
CLOSER = 1.25  # by what the next fit must spend more, where one misses a wave
_BESIDE = 5  # ordinates of the periodogram, of one wave
BESIDE = 0.5  # of a half-width from an end
UNSEEN = 0.5  # of the squared step to degree p + 2, for the bias


class Choice(NamedTuple):
    """Degree, half-width away from the ends (units of t), σ, samples spent, and the noise's correlation.

    ``blind`` says that correlated noise would explain the series about as well as what the fit follows in it;
    ``missed`` that a wave stands out of what every fit leaves.
    """

    degree: int
    half: float
    sigma: float
    trace: float
    noise: correlation.Correlation | None = None
    blind: bool = False
    missed: bool = False


class _Candidates(NamedTuple):
    """The fits (c,), at how many samples known, what they leave (c, channels, n), zeros behind it, and criteria.

    These are (c, channels); ``marginal`` has a first axis, the order of the autoregression.
    """

    degree: np.ndarray
    half: np.ndarray
    trace: np.ndarray
    known: np.ndarray
    residual: np.ndarray
    crossed: np.ndarray
    corrected: np.ndarray
    marginal: np.ndarray


def curve(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, most: int = MOST
) -> tuple[Curve, list[noises.Noise]]:
    """A short series, sample by sample: the curve with errors for σ = 1, and the noise.

    One of more than ``most`` samples, whose noise hangs together, is read as means of neighbours: they lose little of
    what it tells.
    """
    group = -(-len(t) // most)
    root = float(np.sqrt(group))
    starts, ends = t[: len(t) // group * group : group], t[group - 1 :: group]
    t, y = noises.means(t, y, group)
    orders, m = len(matrix), y.shape[1]
    choices = choose(t, y, orders, side)
    if side != "both":  # windows of one side spend far more samples, which would tell nothing of the noise
        others = choose(t, y, orders, "both")
        choices = [c._replace(blind=o.blind or o.noise is not None) for c, o in zip(choices, others, strict=True)]
    rare = [noises.student(len(t) - c.trace) for c in choices]
    choices = [c if np.isfinite(r) else c._replace(sigma=np.nan) for c, r in zip(choices, rare, strict=True)]
    ways = []
    for degree, half in sorted({(c.degree, c.half) for c in choices}):
        some = np.array([j for j, c in enumerate(choices) if (c.degree, c.half) == (degree, half)])
        sigma = np.array([choices[j].sigma for j in some])
        swell = np.array([rare[j] for j in some]) * _unseen(t, y[:, some], matrix, side, degree, half, sigma)
        ways.append((degree, half, some, swell, np.array([_of_means(choices[j]) for j in some])))

    def read(x: np.ndarray) -> Found:
        jets, errors = np.empty((orders, len(x), m)), np.empty((orders, len(x), m))
        widths = np.empty((len(x), m))
        for degree, half, some, swell, long in ways:
            away = reach(t, x, half, side)
            if side == "both" or group == 1:
                fits = exact.fits(t, y[:, some], x, away, degree, orders, side)
            else:  # no mean may hold a sample of the other side
                place = _clear(starts, ends, x, side)
                fits = exact.fits(t, y[:, some], place, away, degree, degree + 1, side).moved(x - place, orders)
            jet, error = fits.at(degree), fits.errors(degree, matrix)
            below = np.zeros(jet.shape)
            for lower in range(degree - 1, orders - 2, -1):  # beside an end one side may hold too few samples
                bad = ~np.isfinite(error[0])
                if not bad.any():
                    break
                jet[:, bad] = fits.at(lower)[:, bad]
                error[:, bad] = fits.errors(lower, matrix)[:, bad]
                noise = np.array([choices[j].sigma for j in some])
                below[:, bad] = fits.last(lower, matrix, noise)[:, bad] / np.maximum(noise, 1e-100) ** 2
            near = np.flatnonzero(np.minimum(x - t[0], t[-1] - x) < BESIDE * half)
            if len(near) and side == "both" and long.any():
                top = min(degree + hidden.MANY, len(t) - 1)
                fits = exact.fits(t, y[:, some], x[near], away[near], top, orders, side)
                below[:, near] = np.tensordot(matrix**2, _hidden(fits, degree, long), axes=1)
            error = np.sqrt((error[..., None] * swell[:, None]) ** 2 + below)
            jets[..., some], errors[..., some] = jet, error / root
            widths[:, some] = away[:, None]
        return jets, errors, widths

    found = [
        noises.Noise(
            c.noise.long * root, c.noise.reach * group, c.noise.short, blind=c.noise.gain < np.inf, missed=c.missed
        )
        if c.noise
        else noises.Noise(c.sigma * root, 1, c.sigma, blind=c.blind, missed=c.missed)
        for c in choices
    ]
    return read, found


def _of_means(choice: Choice) -> float:
    """σ for averages over many samples where the noise hangs together, else 0."""
    return choice.noise.long if choice.noise else 0.0


def _hidden(fits: local.Fits, degree: int, sigma: np.ndarray) -> np.ndarray:
    """(K, k, m) what the next degrees may hide, for σ = 1."""
    variance = np.einsum("aak->ak", fits.noise)
    z = fits.coefficients**2 / (variance[..., None] * np.maximum(sigma**2, 1e-300))
    return hidden.squares(z, fits.derivatives**2 * variance, np.array([degree]))[0] * (sigma > 0)


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
    lowest = orders - 1 if orders % 2 == 0 else orders  # at even distances from the ends an even degree adds nothing
    degrees = [p for p in range(max(lowest, 1), max(_TOP, lowest) + 1, 2) if p <= n - 2] or [orders - 1]
    halves = np.geomspace(min(2.2 * span / (n - 1), span), 2 * span, _WIDTHS)
    away = np.array([reach(t, t, half, side) for half in halves])
    coefficients, basis = exact.everywhere(t, y, away, degrees[-1], side)
    jets = np.cumsum(coefficients * basis[:, None], axis=0)[degrees]
    levels = np.cumsum(basis**2, axis=0)[degrees]
    known = np.isfinite(jets).all(axis=1)  # (degrees, widths, n)
    count, trace = known.sum(axis=-1), np.where(known, levels, 0).sum(axis=-1)
    kept = count >= (n if side == "both" else 0.7 * n)
    kept &= (count - trace >= 2.5) | (np.array(degrees) <= orders - 1)[:, None]
    if not kept.any():  # hardly more samples than parameters
        fits = exact.fits(t, y, t, np.full(n, 4 * span), orders - 1, 1, "both")
        rest = y - fits.at(orders - 1)[0]
        sigma = np.sqrt(np.sum(rest**2, axis=0) / max(n - orders, 1))
        return [Choice(orders - 1, 2 * span, float(one), float(orders)) for one in sigma]
    width, rank = np.nonzero(kept.T)
    known, count, trace = known[rank, width], count[rank, width], trace[rank, width]
    residual = np.where(known[:, None], y.T - jets[rank, :, width], 0)
    if not known.all():  # what is known comes first
        order = np.argsort(~known, axis=1, kind="stable")
        residual = np.take_along_axis(residual, order[:, None], axis=2)
    found = _judged(np.array(degrees)[rank], halves[width], trace, count, residual)
    even = side == "both" and exact.regular(t)
    means = [averaged.of(y[:, j]) if even else None for j in range(m)]
    return [_chosen(found, j, n) if one is None else _known(found, j, one) for j, one in enumerate(means)]


def _judged(
    degree: np.ndarray, half: np.ndarray, trace: np.ndarray, count: np.ndarray, residual: np.ndarray
) -> _Candidates:
    """The criteria for white noise, and for noise that is an autoregression."""
    covariance = correlation.autocovariances(residual, _ORDERS) * (residual.shape[-1] / count)[:, None]
    variances, falling = _autoregressions(covariance)
    order = np.arange(_ORDERS + 1)[:, None, None]
    count, spent = count[:, None], trace[:, None]
    left = count - spent - order
    with np.errstate(divide="ignore"):
        log = np.where(order > 0, np.log(variances), np.log(covariance[0]))
    told = falling & (variances > 1e-290) & (left >= 4) & (count >= _TELL)
    log = np.where(told | (order == 0), log, np.inf)
    crossed = log - 2 * np.log(np.maximum(left / count, 1e-9))
    corrected = log + 2 * (spent + order + 1) / np.maximum(left - 2, 1e-9)
    marginal = log + np.log(count) * (spent + order) / count
    return _Candidates(degree, half, trace, count[:, 0], residual, crossed[0], corrected[0], marginal)


def _autoregressions(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every order up to the number of lags: the innovation variances, and whether the spectrum falls; Levinson's.

    A wave has its peak away from frequency zero; so has what a fit leaves that is too close.
    """
    turn = np.linspace(0, np.pi, _TURNS)
    variance = np.maximum(covariance[0], 1e-300)
    phi = np.zeros((0, *covariance.shape[1:]))
    variances, falling = [variance], [np.ones(variance.shape, dtype=bool)]
    for a in range(1, len(covariance)):
        known = covariance[a] - (phi * covariance[a - 1 : 0 : -1]).sum(axis=0)
        last = np.clip(known / variance, -0.999, 0.999)
        phi = np.concatenate([phi - last * phi[::-1], last[None]])
        variance = np.maximum(variance * (1 - last**2), 1e-300)
        inverse = np.abs(1 - np.tensordot(np.exp(-1j * np.outer(turn, np.arange(1, a + 1))), phi, axes=1)) ** 2
        variances.append(variance)
        falling.append((phi.sum(axis=0) > 0) & (inverse[0] <= FALLS * inverse.min(axis=0)))
    return np.array(variances), np.array(falling)


def _chosen(found: _Candidates, channel: int, n: int) -> Choice:
    """The choice that leaves no wave; where all leave one, the first, which says that it may be wrong."""
    some = np.arange(len(found.trace))
    first: Choice | None = None
    while len(some):
        best, choice = _preferred(found, some, channel, n)
        rest = found.residual[best, None, channel, : found.known[best]]
        if not _line(rest, choice.trace):
            return choice
        first = first or choice
        some = some[found.trace[some] > CLOSER * found.trace[best]]
    assert first is not None
    return first._replace(missed=True)


def _line(residual: np.ndarray, spent: float) -> bool:
    """Whether one frequency stands out of the noise that the residuals (1, n) hold without it.

    As in ``missed``; but in a short series one wave is much of the spectrum, and has to be left out of it.
    """
    limit, n = 6 * np.median(np.abs(residual)), residual.shape[1]
    if not limit > 0 or n < missed.LEAST:
        return False
    clipped = np.clip(residual, -limit, limit)  # steps and outliers
    waves = correlation.cosines(clipped)[0]
    power = np.convolve(waves[1:] ** 2, np.ones(_BESIDE), mode="same")  # a wave is in some neighbouring ordinates
    least = missed.STANDS_OUT * np.log(n / missed.CHANCE)
    for most in {int(np.argmax(power)), int(np.argmax(power / _falling(clipped, spent)))}:
        rest = waves.copy()
        rest[max(0, most + 1 - _BESIDE // 2) : most + 2 + _BESIDE // 2] = 0
        if power[most] > least * _falling(correlation.from_cosines(rest)[None], spent)[most]:
            return True
    return False


def _falling(residual: np.ndarray, spent: float) -> np.ndarray:
    """(n − 1,): the spectrum of noise that the residuals (1, n) look most like, at all frequencies but zero."""
    n = residual.shape[1]
    noise = correlation.judge(residual, min(spent, n / 4))
    spectrum = noise.short**2 * np.minimum.accumulate(noise.spectrum(np.pi * np.arange(1, n) / n))
    return np.asarray(np.maximum(spectrum, 1e-290))


def _preferred(found: _Candidates, some: np.ndarray, channel: int, n: int) -> tuple[int, Choice]:
    """White noise, unless correlated noise explains the series better with fewer samples spent.

    Cross-validation and AIC cannot tell: what a close fit follows counts as signal there, whatever it was.
    """
    best = _best(found, some, channel, n)
    marginal = found.marginal[:, some, channel]
    white, other = marginal[0].min(), marginal[1:].min()
    gain = n * (white - other) if np.isfinite(white) and np.isfinite(other) else -np.inf
    correlated = gain > CLEAR
    if correlated:
        best = int(some[np.argmin(marginal[1:].min(axis=0))])
    trace = float(found.trace[best])
    rest = found.residual[best, channel, : found.known[best]]
    degree, half = int(found.degree[best]), float(found.half[best])
    if not correlated:
        sigma = float(np.sqrt(np.sum(rest**2) / max(len(rest) - trace, 1e-9)))
        return best, Choice(degree, half, sigma, trace, None, bool(gain > -UNSURE or trace > SPENT * n))
    noise = correlation.judge(rest[None], trace)
    return best, Choice(degree, half, noise.short, trace, noise)


def _known(found: _Candidates, channel: int, noise: averaged.Averaged) -> Choice:
    """The choice for noise of a known spectrum, by Mallows' criterion (Technometrics 15, 1973)."""
    n = found.residual.shape[-1]
    rest = np.mean(found.residual[:, channel] ** 2, axis=-1) / noise.sigma**2
    score = rest + 2 * noise.below(found.trace) / n
    least = int(np.argmin(score))
    chance = noise.chance(found.trace)
    slack = STEADY * np.sqrt(np.maximum(chance[least] - chance, 0)) / n + 1e-9
    equal = np.flatnonzero(score <= score[least] + slack)
    best = int(min(equal, key=lambda i: (found.trace[i], found.degree[i], -found.half[i])))
    trace = float(found.trace[best])
    long = noise.sigma * float(np.sqrt(noise.below(trace) / trace))
    told = correlation.Correlation(noise.sigma, long, 0.0, 0.0, noise.reach, np.inf)
    return Choice(int(found.degree[best]), float(found.half[best]), long, trace, told)


def _best(found: _Candidates, some: np.ndarray, channel: int, n: int) -> int:
    """Best where it stands worse; or what spends less, and stands worse by no more than chance does."""
    scores = np.array([found.crossed[some, channel], found.corrected[some, channel]])
    with np.errstate(invalid="ignore"):
        score = (scores - np.fmin.reduce(scores, axis=1)[:, None]).max(axis=0)
    score[np.isnan(score)] = 0.0  # -inf - -inf: no residual at all
    traces = found.trace[some]
    least = int(np.argmin(score))
    # √(2Δtr)/n is one deviation of the criteria
    slack = EASE * np.sqrt(2 * np.maximum(traces[least] - traces, 0)) / n + 1e-9
    equal = some[score <= score[least] + slack]
    return int(min(equal, key=lambda i: (found.trace[i], found.degree[i], -found.half[i])))


def reach(t: np.ndarray, x: np.ndarray, half: float, side: str) -> np.ndarray:
    """The half-width at each point: beside the ends as much as keeps the window as long as elsewhere."""
    if side != "both":
        return np.full(len(x), 2 * half)
    near, far = np.minimum(x - t[0], t[-1] - x), np.maximum(x - t[0], t[-1] - x)
    length = t[-1] - t[0]
    return np.maximum(half, 2 * half - near if 2 * half < length else far * (1 + 1e-9))
