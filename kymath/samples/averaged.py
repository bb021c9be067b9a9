"""Noise of running means: that of a series whose samples are means of several, once or twice over.

Its spectrum falls so far, and so smoothly, that a close fit takes its lowest frequencies for signal, and nothing in
what is left looks correlated then. But the spectrum has zeros, at places that only the length of the means decides, and
no signal has. So the cosine transform of the series is explained both ways, by Whittle's likelihood (see
``correlation``): up to some frequency a signal whose power is free in each of some bands, beyond it the noise, white or
of means of q.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import lgamma
from typing import NamedTuple

import numpy as np

from . import correlation, exact

LEAST = 100  # samples
LONGEST = 16  # samples in a mean
CLEAR = 12.0  # what −2 log likelihood must gain
_BAND, _FIRST, _LAST = 1.2, 3, 0.6  # ratio of a band's ends; the first, and the last as a part of the samples
_ENDS = 6  # the degree of a polynomial that takes what does not fit at the ends
_RUN, _RUNS = 512, 5  # samples in a stretch, and stretches, of a long series
_USUAL = 0.25  # of the mean power: the least median, which is 0.45 of it in noise; waves and steps have less
_FREE = 6.0  # in −2 log likelihood: the price of a band's own power


class Averaged(NamedTuple):
    """σ of single samples, the samples that hang together, and the power at all frequencies (n,), of mean 1."""

    sigma: float
    reach: int
    spectrum: np.ndarray

    def below(self, spent: np.ndarray | float) -> np.ndarray:
        """The variance that a fit which spends so many samples follows, in samples' own."""
        return self._sum(self.spectrum, spent)

    def chance(self, spent: np.ndarray | float) -> np.ndarray:
        """The variance of that."""
        return self._sum(2 * self.spectrum**2, spent)

    @staticmethod
    def _sum(values: np.ndarray, spent: np.ndarray | float) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return np.interp(spent, np.arange(len(total)), total)


def of(y: np.ndarray) -> Averaged | None:
    """The noise of a series (n,) at even times, where it is clearly one of running means; else None."""
    n = len(y)
    if n < LEAST:
        return None
    limits = [_FIRST]
    while limits[-1] < _LAST * n:
        limits.append(max(limits[-1] + _FIRST, round(limits[-1] * _BAND)))
    reaches, spectra = _spectra(n)
    waves, ends = correlation.cosines((y - y.mean())[None])[0], _polynomials(n)
    signal, white, best = 0.0, np.inf, (np.inf, 0, 0.0, 0.0)
    for low, high in pairwise(limits):
        beside = ends[: max(1, min(_ENDS, low // 3)), low:].T
        power = (waves[low:] - beside @ np.linalg.lstsq(beside, waves[low:], rcond=None)[0]) ** 2
        if not power.mean() > 0:
            return None
        count, band = n - low, power[: high - low]
        scale = (1 / spectra[:, low:]) @ power / count
        cost = signal + count * (np.log(scale) + 1) + np.log(spectra[:, low:]).sum(axis=1) + np.log(n)
        white = min(white, signal + count * (float(np.log(power.mean())) + 1))
        some = int(np.argmin(cost))
        if cost[some] < best[0]:
            usual = float(np.median(power / spectra[some, low:]))
            best = float(cost[some]), some, float(scale[some]), usual
        # of a band whose power may be any: −2 log of the mean likelihood, as that of the noise without 2π
        signal += len(band) * np.log(max(band.sum() / 2, 1e-300)) - 2 * lgamma(len(band) / 2) + _FREE
    cost, some, scale, usual = best
    if white - cost < CLEAR or usual < _USUAL * scale:
        return None
    return Averaged(float(np.sqrt(scale)), reaches[some], _spectrum(n, some))


def along(t: np.ndarray, y: np.ndarray) -> Averaged | None:
    """The same of a long series (n,): what most of some stretches of it say."""
    if len(t) < _RUN * _RUNS:
        return of(y) if exact.regular(t) else None
    rows = np.linspace(0, len(t) - _RUN, _RUNS).astype(int)[:, None] + np.arange(_RUN)
    found = [of(one) for one in y[rows]] if all(exact.regular(one) for one in t[rows]) else []
    for one in found:
        same = [other for other in found if one and other and other.spectrum is one.spectrum]
        if one and len(same) > _RUNS / 2:
            return one._replace(sigma=float(np.sqrt(np.mean([other.sigma**2 for other in same]))))
    return None


@lru_cache(maxsize=4)
def _spectra(n: int) -> tuple[list[int], np.ndarray]:
    """The reach and the power (kinds, n) in the orthonormal cosine transform of n samples, of variance 1."""
    reaches, rows = [], []
    turn = np.pi * np.maximum(np.arange(n), 1e-9) / n
    for twice in (False, True):
        for count in range(2, LONGEST + 1):
            weight = np.full(count, 1 / count)
            weight = np.convolve(weight, weight) if twice else weight
            covariance = np.correlate(weight, weight, "full")[len(weight) - 1 :]
            lag = np.arange(1, len(covariance))[:, None]
            # of cos(k(i + ½)π/n) cos(k(i + l + ½)π/n), the mean over the places of both
            shared = (n - lag) * np.cos(turn * lag) - np.sin(turn * lag) / np.sin(turn)
            rows.append(1 + 2 / n * (covariance[1:] / covariance[0]) @ shared)
            reaches.append(len(weight))
    return reaches, np.array(rows)


@lru_cache(maxsize=64)
def _spectrum(n: int, kind: int) -> np.ndarray:
    return np.array(_spectra(n)[1][kind])


@lru_cache(maxsize=4)
def _polynomials(n: int) -> np.ndarray:
    return correlation.cosines(np.polynomial.legendre.legvander(np.linspace(-1, 1, n), _ENDS)[:, 1:].T)
