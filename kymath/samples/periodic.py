"""A series that ends where it begins: one Fourier series along all of it, for families linear in θ.

Where a curve is closed (an angle once round, whole turns of a seasonal cycle) and smooth, no local fit comes near to
its Fourier series, whose period is the length of the series, with or without the step from the last sample to the
first. It is tried only where θ at both ends agrees within its errors. In coordinates that are orthonormal on the
samples, nested by frequency, each beyond the turns that are needed holds noise alone: their number is that of Mallows'
C_p (Technometrics 15, 1973) with a penalty of 4 in place of 2. The errors hold what two or three turns more may hide,
which follows from how fast they fall. What falls slowly (a curve whose ends meet by chance), or leaves anything but
noise, stays with the local fits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from . import lacking, noise
from .result import Curve

_TOP = 24  # turns
_SAMPLES = 6  # for every coefficient
_GROUPS = 4096  # of neighbouring samples, each of which is one row of the equations
_PENALTY = 4.0  # squared deviations, by which a coefficient more must gain
_UNSEEN, _SLOW = 2, 3  # turns beyond those chosen that the errors hold: at least and at most
_SURE, _CLEAR, _LOST = 40.0, 20.0, 3.0  # deviations: of the largest; from and to which the fall by turns is judged
_FALL = 1.6  # e-folds until nothing is missed
_ABOVE = 3  # turns beyond those chosen, at least, which must hold noise alone
_LENT = 20.0  # degrees of freedom of σ² as it is known, beside those of these turns
_TAIL = 2.5  # deviations, by which they may exceed the noise
_SUM, _QUIET = 3.0, 0.05  # deviations, by which the first of them may exceed the others, and their least power
_LEAST = 50  # samples
_PLACES, _NODES = 129, 1025
_EVEN = 1e-6  # of the step: else the period is none that the samples tell
_WORTH, _NOWHERE = 0.5, 1.0  # of the local errors, that it must do with: in the mean, and anywhere
_NEAR, _TIED = 8.0, 3.0  # deviations: of the local curve between the two ends; of a jump there, by all samples
_JUMPS = 3
_NARROW, _PARTS, _STANDS_OUT = 4, 12, 10.0  # samples; means beside each other; of −2 log likelihood, beyond chance


@dataclass(frozen=True)
class Periodic:
    """Coefficients of 1, cos, sin, cos 2, … and the factor of their covariance, which holds some turns more."""

    begin: float
    period: float
    terms: np.ndarray
    factor: np.ndarray

    def jets(self, t: np.ndarray, orders: int) -> np.ndarray:
        """(K, k) value and derivatives."""
        turn = 2j * np.pi / self.period
        once = np.exp(turn * (t - self.begin))
        waves = np.concatenate([self.terms[:1], self.terms[1::2] - 1j * self.terms[2::2]])
        slopes = turn * np.arange(waves.size)
        return np.array([np.polynomial.polynomial.polyval(once, waves * slopes**i).real for i in range(orders)])

    def errors(self, t: np.ndarray, matrix: np.ndarray, unseen: bool = True) -> np.ndarray:
        """(N, k) standard errors of θ = matrix @ jet, read between nodes; without what may be ``unseen``, if wanted."""
        turn = 2 * np.pi / self.period
        at = self.begin + np.linspace(0, self.period, _NODES)
        angle, count = turn * (at - self.begin), len(self.factor) - _JUMPS
        both = [
            np.concatenate([columns(angle, count, i, turn), jumps(angle / (2 * np.pi), i) / self.period**i], axis=1)
            for i in range(len(matrix))
        ]
        factor = self.factor if unseen else self.factor[:, : self.terms.size]
        rows = np.array([one @ factor for one in both])
        values = np.sqrt((np.tensordot(matrix, rows, axes=1) ** 2).sum(axis=-1))
        return np.array([np.interp(t, at, one) for one in values])

    def times(self, scale: float) -> Periodic:
        return replace(self, terms=self.terms * scale, factor=self.factor * scale)


def columns(angle: np.ndarray, count: int, derivative: int = 0, turn: float = 1.0) -> np.ndarray:
    """(k, count) 1, cos, sin, cos 2, … of the angles, or their derivative where the angle rises by ``turn``."""
    once, wave = np.exp(1j * angle), np.ones(angle.size, dtype=complex)
    out = np.empty((angle.size, count))
    out[:, 0] = derivative == 0
    for k in range(1, count // 2 + 1):
        wave *= once
        now = wave * (1j * k * turn) ** derivative
        out[:, 2 * k - 1], out[:, 2 * k] = now.real, now.imag
    return out


def jumps(u: np.ndarray, derivative: int = 0) -> np.ndarray:
    """(k, 3) Bernoulli's polynomials on [0, 1]: a jump from the end to the begin in the value, the slope, the next."""
    rows = [[-1 / 2, 1], [1 / 6, -1, 1], [0, 1 / 2, -3 / 2, 1]]
    polynomials = [np.polynomial.Polynomial(row).deriv(derivative) for row in rows]
    return np.stack([one(u) for one in polynomials], axis=1)


def of(
    t: np.ndarray,
    y: np.ndarray,
    matrix: np.ndarray,
    curve: Curve,
    sigma: np.ndarray,
    blocks: dict[int, int],
    louder: dict[int, noise.Local],
) -> dict[int, Periodic]:
    """For some channels of y (n, m) where it is better than the local ``curve``, whose errors are for σ = 1.

    ``sigma`` (m,) is the noise for long means, which in those channels hangs together over ``blocks`` samples.
    """
    steps = np.diff(t)
    if not blocks or t.size < _LEAST or np.ptp(steps) > _EVEN * steps.mean():
        return {}
    at = t[np.unique(np.round(np.linspace(0, t.size - 1, _PLACES)).astype(int))]
    jets, errors, widths = curve(at)
    step = float(steps.mean())
    shared: dict[float, _Equations] = {}
    found = {}
    for j, block in blocks.items():
        error, least = errors[..., j] * sigma[j], _WORTH
        if j in louder:
            error = error * louder[j].around(at, widths[:, j], "both")
        for beyond in (0.0, step):
            apart = matrix @ (jets[:, 0, j] - _ahead(jets[:, -1, j], beyond))
            if not (np.abs(apart) < _NEAR * np.hypot(error[:, 0], error[:, -1])).all():
                continue
            period = float(t[-1] - t[0]) + beyond
            if j in louder:
                equations = _Equations(t, period, louder[j].over(t - step / 2, t + step / 2))
            else:
                equations = shared[beyond] = shared.get(beyond) or _Equations(t, period)
            one = equations.solved(y[:, j] / sigma[j], block, matrix)
            if one is not None:
                ratio = one.errors(at, matrix, unseen=False) * sigma[j] / error
                share = float(np.exp(np.mean(np.log(ratio))))
                if share < least and ratio.max() < _NOWHERE:
                    least, found[j] = share, one.times(float(sigma[j]))
    return found


def _ahead(jet: np.ndarray, step: float) -> np.ndarray:
    """Value and derivatives a step further on, by Taylor's polynomial."""
    terms = [np.float64(step) ** i / math.factorial(i) for i in range(jet.size)]  # a float's power may raise
    return np.array([jet[k:] @ terms[: jet.size - k] for k in range(jet.size)])


class _Equations:
    """The rows of one period, of groups of neighbours in a long series, and their QR factors."""

    def __init__(self, t: np.ndarray, period: float, loud: np.ndarray | None = None) -> None:
        """``loud`` (n,): the noise relative to its mean, where that varies."""
        self.begin, self.period, self.span = float(t[0]), period, float(t[-1] - t[0])
        self.group = max(1, t.size // _GROUPS)
        self.first = np.arange(0, t.size, self.group)
        self.each = np.ones(t.size) if loud is None else loud**-2.0
        self.weight = np.add.reduceat(self.each, self.first)
        self.root = np.sqrt(self.weight)
        self.middle = self.means(t)
        count = min(2 * _TOP, t.size // _SAMPLES) // 2 * 2 + 1
        self.rows = columns(2 * np.pi * (self.middle - self.begin) / period, count)
        if self.group > 1:  # the mean of a cosine over evenly spaced angles
            half = np.pi * (t[1] - t[0]) / period * np.repeat(np.arange(1, count // 2 + 1), 2)
            self.rows[:, 1:] *= np.sin(self.group * half) / (self.group * np.sin(half))
        self.q, self.r = np.linalg.qr(self.rows * self.root[:, None])

    def means(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.add.reduceat(self.each * values, self.first) / self.weight)

    def solved(self, y: np.ndarray, block: int, matrix: np.ndarray) -> Periodic | None:
        """One channel (n,) in deviations of its noise, which hangs together over ``block`` samples; None where it is
        none of this kind."""
        value = self.means(y)
        c = (value * self.root) @ self.q
        turns, more, power = _needed((c[1:] ** 2).reshape(-1, 2).sum(axis=1))
        if not turns:
            return None
        size, full, sigma = 1 + 2 * turns, 1 + 2 * (turns + more), np.sqrt(max(1.0, power))
        ends = jumps((self.middle - self.begin) / self.period)
        q, upper = np.linalg.qr(np.concatenate([self.rows[:, :full], ends], axis=1) * self.root[:, None])
        if np.abs((value * self.root) @ q[:, full:]).max() > _TIED * sigma:
            return None
        rest = value - self.q[:, :size] @ c[:size] / self.root
        if lacking.of(self.middle, rest, self.span / 2, matrix, sigma / self.root, max(1, block // self.group)):
            return None
        if _in_places(rest * self.root):
            return None
        terms = np.linalg.solve(self.r[:size, :size], c[:size])
        return Periodic(self.begin, self.period, terms, np.linalg.inv(upper) * np.sqrt(power))


def _in_places(rest: np.ndarray) -> bool:
    """Whether the residuals, in deviations, are far larger in some place than elsewhere: at a step, or a narrow bump.

    By means of neighbours beside each other means of the same width, so that noise which hangs together is none.
    """
    size = _NARROW
    while rest.size >= _PARTS * size:
        for first in (0, size // 2):
            count = (rest.size - first) // size
            squares = rest[first : first + count * size].reshape(count, size).mean(axis=1) ** 2
            usual = float(np.median(squares)) / 0.455  # the median of χ² with one degree of freedom
            if squares.max() > (_STANDS_OUT + 2 * np.log(count)) * usual:
                return True
        size *= 2
    return False


def _needed(square: np.ndarray) -> tuple[int, int, float]:
    """How many turns are needed, from the sums of squares (in deviations) of each turn's two coefficients, how many
    more noise may hide, and its power as those beyond show it; 0 turns where it is none of this kind."""
    gain = np.cumsum((square - 2 * _PENALTY)[::-1])[::-1]
    turns = int(np.argmin(np.append(gain, 0.0)))
    beyond, large = square[turns:], np.sqrt(square[:turns] / 2)
    if beyond.size < _ABOVE or beyond.mean() / 2 > 1 + _TAIL / np.sqrt(beyond.size) or large.max(initial=0) < _SURE:
        return 0, 0, 1.0
    usual = max(_QUIET, float(beyond[beyond.size // 3 :].mean()) / 2)  # what is below the penalty is seen in sums
    first = np.cumsum(beyond / 2 / usual - 1) / np.sqrt(np.arange(1, beyond.size + 1))
    if first[_ABOVE - 1 :].max() > _SUM:
        return 0, 0, 1.0
    fall = np.log(_CLEAR / _LOST) / max(1, turns - 1 - int(np.flatnonzero(large > _CLEAR)[-1]))
    more = max(_UNSEEN, int(np.ceil(_FALL / fall)))
    return turns if more <= _SLOW else 0, more, float((_LENT + beyond.sum()) / (_LENT + 2 * beyond.size))
