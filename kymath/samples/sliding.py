"""Plain waves in windows of equally spaced samples, by sums of y e^{iθj} alone.

Counted from a window's own middle, cosine and sine are orthogonal, and sums of their products are closed expressions
of θ, the turn from sample to sample. What is left of y are the sums of y e^{iθj}. At one θ those of all windows are
differences of one running sum (Jacobsen & Lyons, IEEE Signal Process. Mag. 20 (2003) 74), and between some θ they are
polynomials: a window costs the same few operations however many samples it holds, and whatever an end cuts off it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev

from .compress import Frames, uniform
from .projection import refine_along

_CELLS = 400_000  # terms of running sums held at a time
_BATCH = 16384  # windows that are fitted together
_SPREAD = 0.8  # radians per half window, by which windows of one polynomial may differ
_TERMS = 11, 3.0  # of a polynomial, and more for every radian per half window that it reaches
_DENSE = 16  # samples for every window at most: fewer windows are cheaper in a basis
_LONG = 16  # window lengths that a running sum goes on for at most: it rounds the less
_LEAST, _MOST = np.pi, 0.95 * np.pi  # the wave's turn in half a window at least, and from sample to sample at most
_ENOUGH, _LAST = 1e-4, 2e-5  # the relative length of a step after which one is the last, and what that may be
_ROUNDING = 1e-8  # of the energy: where no more is left, a basis tells it better


class Waves(NamedTuple):
    """a cos θj + b sin θj + C in windows ``places``: κ, (A, ω, φ, C) at s = 0 and their standard errors for σ = 1, the
    energy that cosine and sine explain, and the energy left."""

    places: np.ndarray
    kappa: np.ndarray
    theta: np.ndarray
    lever: np.ndarray
    gain: np.ndarray
    rest: np.ndarray


def waves(
    t: np.ndarray, y: np.ndarray, windows: Frames, carrier: np.ndarray, reach: float, offset: bool
) -> Iterator[Waves]:
    """Those of the windows that sums are good for, with κ = ω·half within ``reach`` of the carrier's."""
    count = windows.count
    with np.errstate(all="ignore"):
        step = (t[windows.hi - 1] - t[windows.lo]) / (count - 1)
        half = windows.half / step  # in samples
        good = (carrier * (count - 1) > 2 * _LEAST * half) & (carrier + reach < _MOST * half)
    places = np.flatnonzero(good & uniform(t, windows))
    if not places.size or places.size * _DENSE < windows.hi[places].max() - windows.lo[places].min():
        return
    places = places[np.argsort((windows.lo + windows.hi)[places], kind="stable")]
    for begin in range(0, places.size, _BATCH):
        now = places[begin : begin + _BATCH]
        here = windows[now]
        origin = (here.middle + here.origin * here.half - t[here.lo]) / step[now] - (count[now] - 1) / 2
        sums = _Sums(y, here.lo, here.hi, half[now], carrier[now], reach, offset)
        way = np.concatenate([[0.0], np.cumsum(np.diff(here.lo + here.hi) / (2 * count[now][1:]))])
        near = carrier[now]
        kappa = refine_along(sums.look, near.__getitem__, near - reach, near + reach, way, _ENOUGH)
        theta, lever, gain, held = sums.answer(kappa, origin)
        kappa = theta[1] * half[now]
        theta[1], lever[1] = theta[1] / step[now], lever[1] / step[now]
        rest = sums.energy - gain
        held &= rest > _ROUNDING * sums.total
        yield Waves(now[held], kappa[held], theta[:, held], lever[:, held], gain[held], rest[held])


class _Sums:
    """Σ y cos θj and Σ y sin θj of some windows as polynomials of κ = θ·half, and what follows from them."""

    def __init__(
        self, y: np.ndarray, lo: np.ndarray, hi: np.ndarray, half: np.ndarray, carrier: np.ndarray, reach: float,
        offset: bool
    ) -> None:  # fmt: skip
        self.n, self.half, self.offset = hi - lo, half, offset
        begin, end = int(lo.min()), int(hi.max())
        values, lo, hi = y[begin:end], lo - begin, hi - begin
        self.level = float(values.mean()) if offset else 0.0
        values = values - self.level
        self.mean = _between(values, lo, hi) / self.n * offset
        self.total = _between(values**2, lo, hi)
        self.energy = self.total - self.n * self.mean**2
        # windows of nearly one length and frequency, in a row, have their polynomials about one middle
        octave = np.round(4 * np.log2(half))
        unit = 2 ** (octave / 4)
        cell = np.round(carrier / half * unit / _SPREAD)
        self.centre = cell * _SPREAD / unit
        alike = np.array([octave, cell, lo // (_LONG * unit)])
        begins = np.append(0, np.flatnonzero((np.diff(alike) != 0).any(axis=0) | (lo[1:] > hi[:-1])) + 1)
        ends = np.append(begins[1:], lo.size)
        away = np.maximum.reduceat(np.abs(carrier / half - self.centre) + reach / half, begins)
        terms = _TERMS[0] + int(_TERMS[1] * np.max(away * np.maximum.reduceat(self.n, begins)) / 2)
        self.reach = np.repeat(away, ends - begins)
        self.rows = np.empty((terms, 2, lo.size))
        for first, last, most in zip(begins, ends, away, strict=True):
            theta = self.centre[first] + most * _nodes(terms)[0]
            self.rows[:, :, first:last] = _polynomials(values, lo[first:last], hi[first:last], theta)

    def look(self, places: np.ndarray, kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What cosine and sine explain, half its slope by κ, and half its curvature downwards."""
        half = self.half[places]
        gain, slope, bend = self._climb(*self._at(places, kappa / half)[:2])
        return gain, slope / half, bend / half**2

    @staticmethod
    def _climb(even: tuple[np.ndarray, ...], odd: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """The same by θ."""
        gain, slope, bend, plain = np.zeros((4, even[0].size))
        for p, p1, p2, square, square1, square2, steep in (even, odd):
            a = p / square
            rest = p1 - a * square1 / 2
            gain = gain + a * p
            slope = slope + a * rest
            bend = bend - (p1 - a * square1) ** 2 / square - a * (p2 - a * square2 / 2)
            plain = plain + a * a * (steep - square1**2 / (4 * square))
        return gain, slope, np.where(bend > 0.2 * plain, bend, plain)

    def answer(self, kappa: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, ...]:
        """(A, θ, φ, C) where s = 0, ``origin`` samples from the middle, by one more step from κ, and their errors for
        σ = 1; what is explained, and whether that step was short."""
        theta = kappa / self.half
        even, odd, (f, f1, _) = self._at(np.arange(kappa.size), theta)
        gain, slope, bend = self._climb(even, odd)
        (p, p1, _, cc, cc1, _, cd), (q, q1, _, ss, ss1, _, sd) = even, odd
        step = slope / bend
        theta = theta + step
        a, b = (p + p1 * step) / (cc + cc1 * step), (q + q1 * step) / (ss + ss1 * step)
        square = a * a + b * b
        size = np.sqrt(square)
        # how a and b follow θ, and θ's own variance
        by_a, by_b = -a * cc1 / (2 * cc), -b * ss1 / (2 * ss)
        own = 1 / (a * a * (cd - cc1**2 / (4 * cc)) + b * b * (sd - ss1**2 / (4 * ss)))
        turn = origin + (b * by_a - a * by_b) / square
        lever = [
            (a * a / cc + b * b / ss) / square + ((a * by_a + b * by_b) / size) ** 2 * own,
            own,
            (b * b / cc + a * a / ss) / square / square + turn**2 * own,
        ]
        values = [size, theta, np.mod(np.arctan2(-b, a) + theta * origin, 2 * np.pi)]
        if self.offset:
            f, f1 = f / self.n, f1 / self.n
            values.append(self.level + self.mean - a * (f + f1 * step))
            lever.append(1 / self.n + f * f / cc + (by_a * f + a * f1) ** 2 * own)
        return np.array(values), np.sqrt(lever), gain + step * slope, np.abs(step) * self.half < _LAST

    def _at(self, places: np.ndarray, theta: np.ndarray) -> tuple[tuple[np.ndarray, ...], ...]:
        """Of the cosine: Σ y cos θj with its two derivatives by θ, Σ cos² with its two, and the sum of squares of the
        cosine's derivative, all beside the constant; the same of the sine; and Σ cos with its two."""
        n, reach = self.n[places], self.reach[places]
        x = (theta - self.centre[places]) / reach
        rows = self.rows if places.size == self.n.size else self.rows[:, :, places]
        value, slope, bend = rows[-1].copy(), np.zeros((2, x.size)), np.zeros((2, x.size))
        for row in rows[-2::-1]:  # Horner's rule
            bend *= x
            bend += slope
            slope *= x
            slope += value
            value *= x
            value += row
        slope /= reach
        bend *= 2 / reach**2
        sine, cosine, high, low = np.sin(theta / 2), np.cos(theta / 2), np.sin(n * theta / 2), np.cos(n * theta / 2)
        f, f1, f2 = _cosines(n, sine, cosine, high, low)
        g, g1, g2 = _cosines(n, 2 * sine * cosine, 1 - 2 * sine**2, 2 * high * low, 1 - 2 * high**2)
        squares = n * (n * n - 1.0) / 12
        even = [value[0], slope[0], bend[0], (n + g) / 2, g1, 2 * g2, (squares + g2) / 2]
        odd = value[1], slope[1], bend[1], (n - g) / 2, -g1, -2 * g2, (squares - g2) / 2
        if self.offset:
            mean = self.mean[places]
            taken = mean * f, mean * f1, mean * f2, f * f / n, 2 * f * f1 / n, 2 * (f1 * f1 + f * f2) / n, f1 * f1 / n
            even = [one - two for one, two in zip(even, taken, strict=True)]
        return tuple(even), odd, (f, f1, f2)


def _cosines(
    n: np.ndarray, sine: np.ndarray, cosine: np.ndarray, high: np.ndarray, low: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Σ cos θj over n samples about the middle, and its first two derivatives by θ: from sine and cosine of θ/2 and
    of nθ/2."""
    f = high / sine
    f1 = (n * low - f * cosine) / (2 * sine)
    return f, f1, (1.0 - n * n) / 4 * f - f1 * cosine / sine


def _between(values: np.ndarray, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Sums of the values lo … hi − 1."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(sums[hi] - sums[lo])


@lru_cache(maxsize=32)
def _nodes(terms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chebyshev's points, and from values there the coefficients of the Chebyshev polynomials, and from those the
    powers'."""
    x = chebyshev.chebpts1(terms)
    to = chebyshev.chebvander(x, terms - 1).T * (2 / terms)
    to[0] /= 2
    powers = np.zeros((terms, terms))
    for j in range(terms):
        one = chebyshev.cheb2poly(np.eye(terms)[j])
        powers[: one.size, j] = one
    return x, to, powers


def _polynomials(y: np.ndarray, lo: np.ndarray, hi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """(terms, 2, k): Σ y cos θj and Σ y sin θj from the middles of the windows, as power series between −1 and 1."""
    begin, end = int(lo.min()), int(hi.max())
    y, lo, hi = y[begin:end], lo - begin, hi - begin
    terms = theta.size
    values = np.empty((terms, 2, lo.size))
    rows = max(1, _CELLS // y.size)
    for first in range(0, terms, rows):
        turns = _turns(theta[first : first + rows, None] / 2, 2 * y.size)  # at the middle of a window is half a sample
        sums = np.zeros((len(turns), y.size + 1), dtype=complex)
        np.cumsum(turns[:, ::2] * y, axis=1, out=sums[:, 1:])
        found = sums.take(hi, axis=1)
        found -= sums.take(lo, axis=1)
        found *= turns.take(lo + hi - 1, axis=1).conj()
        values[first : first + rows, 0], values[first : first + rows, 1] = found.real, found.imag
    _, to, powers = _nodes(terms)
    return (powers @ (to @ values.reshape(terms, -1))).reshape(values.shape)


def _turns(theta: np.ndarray, count: int) -> np.ndarray:
    """e^{iθj}, j < count: products of few."""
    fine = np.exp(1j * theta * np.arange(64))
    coarse = np.exp(1j * theta * np.arange(0, count, 64))
    return (coarse[:, :, None] * fine[:, None, :]).reshape(len(theta), -1)[:, :count]
