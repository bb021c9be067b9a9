"""Oscillations in windows: C + A cos(ωs + φ) by variable projection, with amplitude and phase that vary inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np

from ..arithmetic import TWO_PI
from ..errors import Status
from .compress import Block, Frames, legendre, power_to_legendre
from .exponential import Answer, freedom
from .projection import Linear, dot, projected, refine_along
from .sliding import waves
from .spectrum import dominant, fastest

_DEGREE = 11  # of the polynomials on the carrier: they hold every frequency within _REACH of it
_REACH = 1.5  # radians per half window
_TERMS = 26
_TREND = 2  # degree of an offset that drifts inside the window


@dataclass(frozen=True)
class HarmonicWindows:
    """y ≈ C(v) + Re[(a_0 + a_1 v + … + a_q v^q) e^{iωv}], v = u − u(at): A = |a_0|, φ = arg a_0, ω + Im(a_1/a_0).

    q = 0 is the plain harmonic with a constant C (or none). Higher q let amplitude, frequency and offset vary inside
    the window. ω is held as a carrier plus δ: polynomials times the carrier are the basis.
    """

    offset: bool = True

    plain = 0
    orders_auto = (1, 2, 3, 4)
    ends = False  # whether the ends of the series choose for themselves
    more = 1  # orders above the chosen one that are reported
    doubted = True  # whether the step to the order above that widens the error
    rate = 1
    size = 2 * (_DEGREE + 1) + 1 + _TREND
    wave = True
    least = 5
    flags = (
        (Status.NO_CONTACT, "less than half a period lies in the window: take a wider one, or Polynomial(2)"),
        (Status.NOT_REACHED, "no single frequency stands out in the window"),
        (Status.NO_CONTACT, "hardly a bend of a wave lies in the window: Polynomial(2) fits it"),
    )
    weak = (Status.NOT_UNIQUE, "no oscillation above the noise: any ω does as well")
    vague = (Status.NO_CONTACT, "the frequency's error is above half the frequency: take a wider window")

    @property
    def names(self) -> tuple[str, ...]:
        return ("A", "omega", "phi", "C") if self.offset else ("A", "omega", "phi")

    def value(self, theta: np.ndarray) -> np.ndarray:
        """The curve at s = 0."""
        return theta[0] * np.cos(theta[2]) + (theta[3] if self.offset else 0.0)

    def unfold(self, theta: np.ndarray, step: float) -> np.ndarray:
        """Along equally spaced points, what is smooth: the phase without its jumps."""
        turn = np.diff(theta[2])
        turn = turn + TWO_PI * np.round(((theta[1, 1:] + theta[1, :-1]) / 2 * step - turn) / TWO_PI)
        known = np.where(np.isfinite(turn), turn, 0.0)
        phase = theta[2, :1] if np.isfinite(theta[2, 0]) else np.zeros(1)
        phase = np.concatenate([phase, phase + np.cumsum(known)])
        # after a gap the count starts anew: the multiple of 2π does not matter, the phase itself does
        off = np.where(np.isfinite(theta[2]), theta[2] - phase, np.nan)
        phase = phase + np.where(np.isfinite(off), off - TWO_PI * np.round(off / TWO_PI), 0.0)
        out = theta.copy()
        out[2] = np.where(np.isfinite(theta[2]), phase, np.nan)
        return out

    def fold(self, smooth: np.ndarray) -> np.ndarray:
        out = smooth.copy()
        out[2] = np.mod(out[2], TWO_PI)
        return out

    def units(self, theta: np.ndarray) -> np.ndarray:
        """Times these the errors of θ are smooth: they are so already."""
        return np.ones(theta.shape)

    def unsure(self, theta: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The rate's relative error."""
        return np.asarray(error[1] / np.abs(theta[1]))

    def waived(self, flag: int) -> bool:
        """Half a period is not needed where the frequency is known well all the same."""
        return flag == 0

    def thinning(self, t: np.ndarray, y: np.ndarray, least: int, most: int) -> int:
        """How many neighbours may be averaged: half a radian's, of the fastest wave that is seen."""
        return int(min(most, max(least, 0.5 / fastest(y))))

    def basis(self, u: np.ndarray, carrier: Any) -> np.ndarray:
        """1, then L_r cos κu, L_r sin κu and the trend's L_1, L_2."""
        plain = legendre(u, _DEGREE)
        turn = u * carrier
        waves = np.stack([plain * np.cos(turn)[..., None], plain * np.sin(turn)[..., None]], axis=-1)
        waves = waves.reshape(*u.shape, -1)
        return np.concatenate([plain[..., :1], waves[..., :4], plain[..., 1 : _TREND + 1], waves[..., 4:]], axis=-1)

    def _trend(self, order: int) -> int:
        """The degree of the offset."""
        return _TREND if order and self.offset else 0

    @staticmethod
    def _split(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of 1, u, u² and of L_r cos κu, L_r sin κu (2 × 12 rows) from the matrix of the basis."""
        wave = np.concatenate([matrix[..., 1:5, :], matrix[..., 5 + _TREND :, :]], axis=-2)
        level = np.concatenate([matrix[..., :1, :], matrix[..., 5 : 5 + _TREND, :]], axis=-2)
        powers = level.copy()
        powers[..., 2, :] = (2 * level[..., 2, :] + level[..., 0, :]) / 3
        return powers, wave

    def carriers(self, t: np.ndarray, y: np.ndarray, windows: Frames, order: int) -> np.ndarray:
        """κ = ω·half where the window's spectrum is strongest, from a grid that neighbours share."""
        return dominant(t, y, windows, self._trend(order) if self.offset else -1)

    def locate(self, block: Block, carrier: np.ndarray, order: int) -> np.ndarray:
        """δ = ω·half − κ by variable projection. Windows of one basis begin from some of them, which lie between."""
        drop, c = self._start(block)
        powers, wave = self._split(block.matrix[..., drop:])
        trend = self._trend(order)
        shared = powers.ndim == 2

        def columns(places: np.ndarray, turn: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
            shape = (places.size, c.shape[1])
            delta = turn - (carrier[0] if shared else carrier[places])
            fixed = [np.broadcast_to(powers[j] if shared else powers[places, j], shape) for j in range(1, trend + 1)]
            e0, e1 = _waves(wave if shared else wave[places], delta, 2)
            return [*fixed, *e0], [*[np.zeros(shape)] * trend, -e1[1], e1[0]]

        low, high = np.maximum(carrier - _REACH, 1e-3), carrier + _REACH
        return refine_along(projected(c, columns), carrier.__getitem__, low, high, block.way) - carrier

    def explained(self, block: Block, delta: np.ndarray) -> np.ndarray:
        """The energy (k,) that a plain wave δ beside the carrier explains."""
        z = self._held(block, delta, 1)
        return z[0] ** 2 + z[1] ** 2

    def explained_linearly(self, block: Block, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same of one whose amplitude is linear and whose phase is one; and the energy of what lies beside it."""
        z = self._held(block, delta, 2)
        plain, slope = z[0] + 1j * z[1], z[2] + 1j * z[3]
        own, more = np.abs(plain) ** 2, np.abs(slope) ** 2
        c = self._start(block)[1]
        most = (own + more + np.abs(plain**2 + slope**2)) / 2
        return most, np.maximum(dot(c, c) - most, 0.0)

    def _held(self, block: Block, delta: np.ndarray, count: int) -> np.ndarray:
        drop, c = self._start(block)
        wave = self._split(block.matrix[..., drop:])[1]
        return Linear(c, [one for two in _waves(wave, delta, count) for one in two]).z

    def _start(self, block: Block) -> tuple[int, np.ndarray]:
        """With an offset the constant's coordinate is free, so it is left out; without, the level belongs to y."""
        if self.offset:
            return 1, block.c[:, 1:]
        return 0, block.c + block.level[:, None] * block.matrix[..., 0, :]

    def answers(
        self, block: Block, windows: Frames, delta: np.ndarray, carrier: np.ndarray, orders: Sequence[int]
    ) -> dict[int, Answer]:
        """θ for every order: the columns of one are the first of the next; the plain harmonic stands alone."""
        drop, c = self._start(block)
        powers, wave = self._split(block.matrix)
        u0, omega, top = windows.origin, carrier + delta, max(orders)
        turned = _moved([a + 1j * b for a, b in _waves(wave, delta, max(top, 1) + 1)], u0)
        turned = [one * np.exp(-1j * omega * u0)[:, None] for one in turned]
        level = [np.broadcast_to(powers[..., j, :], (delta.size, block.c.shape[1])) for j in range(_TREND + 1)]
        columns = _moved(level, u0)[1 : self._trend(top) + 1]
        if top == 0:
            first = Linear(c, [one[:, drop:] for one in (turned[0].real, -turned[0].imag)]).x
            amplitude = first[0] + 1j * first[1]
            columns += [turned[0].real, -turned[0].imag, (1j * amplitude[:, None] * turned[1]).real]
        else:
            for one in turned[: top + 1]:
                columns += [one.real, -one.imag]
        fit = Linear(c, [one[:, drop:] for one in columns])
        shares = np.array([column[:, 0] for column in columns]) / block.matrix[..., 0, 0]
        sizes = {q: self._trend(q) + (2 * (q + 1) if q else 3) for q in orders}
        out = {q: self._answer(block, windows, delta, omega, q, fit.first(p), shares[:p]) for q, p in sizes.items()}
        phase = out[min(orders)].theta[2]
        for answer in out.values():  # the phases may be compared
            answer.theta[2] -= TWO_PI * np.round((answer.theta[2] - phase) / TWO_PI)
        return out

    def _answer(
        self,
        block: Block,
        windows: Frames,
        delta: np.ndarray,
        omega: np.ndarray,
        order: int,
        fit: Linear,
        shares: np.ndarray,
    ) -> Answer:
        trend, half = self._trend(order), windows.half
        x, spread = fit.x, fit.spread
        a, b = x[trend], x[trend + 1]
        with np.errstate(all="ignore"):
            square = a * a + b * b
            size = np.sqrt(square)
            slopes = np.zeros((3, *x.shape))  # of A, ω·half, φ by the coefficients
            slopes[0, trend], slopes[0, trend + 1] = a / size, b / size
            slopes[2, trend], slopes[2, trend + 1] = -b / square, a / square
            if order == 0:
                turn = x[trend + 2]
                slopes[1, trend + 2] = 1
            else:
                p, r = x[trend + 2], x[trend + 3]
                turn = (r * a - p * b) / square
                slopes[1, trend + 2], slopes[1, trend + 3] = -b / square, a / square
                slopes[1, trend] = r / square - 2 * a * turn / square
                slopes[1, trend + 1] = -p / square - 2 * b * turn / square
            lever = np.sqrt((np.einsum("gpk,pjk->gjk", slopes, spread) ** 2).sum(axis=1))
        lever[1] /= half
        theta = [size, (omega + turn) / half, np.mod(np.arctan2(b, a), TWO_PI)]
        levers = list(lever)
        if self.offset:
            one = block.matrix[..., 0, 0]
            theta.append(block.c[:, 0] / one - (shares * x).sum(axis=0) + block.level)
            moved = (shares[:, None] * spread).sum(axis=0)
            levers.append(np.sqrt((moved**2).sum(axis=0) + 1 / one**2))
        rest = dot(fit.rest, fit.rest)
        signal, doubt = _judged((fit.z[trend : trend + 2] ** 2).sum(axis=0), block.count, omega + turn, delta)
        left = freedom(block, len(x) + self.offset)
        return Answer(np.array(theta), np.array(levers), rest + block.outside, left, signal, doubt)

    def evenly(
        self, t: np.ndarray, y: np.ndarray, windows: Frames, carrier: np.ndarray
    ) -> Iterator[tuple[np.ndarray, Answer]]:
        """Places and answers of windows of equally spaced samples, for the plain order."""
        for places, kappa, theta, lever, gain, rest in waves(t, y, windows, carrier, _REACH, self.offset):
            count = windows.count[places]
            signal, doubt = _judged(gain, count, kappa, kappa - carrier[places])
            yield places, Answer(theta, lever, rest, count - 3 - self.offset, signal, doubt)


def _judged(gain: np.ndarray, count: np.ndarray, kappa: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The signal, and the flags."""
    # the strongest of many frequencies is strong by chance: 2 log(5000 W) bounds chance's energy at 1e-4
    chance = np.maximum(25.0, 2 * np.log(5e3 * count))
    spanned = 2 * kappa  # radians in the window
    doubt = np.array([spanned < np.pi, np.abs(delta) > 0.999 * _REACH, spanned < np.pi / 4]).T
    return np.sqrt(gain * 25 / chance), doubt


@lru_cache(maxsize=8)
def _expansion(count: int) -> np.ndarray:
    """(count, 2, terms, 24): u^j cos and u^j sin of (κ+δ)u by δ^r/r! (third axis) and L_l cos κu, L_l sin κu."""
    terms = _TERMS - count + 1
    every = power_to_legendre(_TERMS, _DEGREE)
    out = np.empty((count, 2, terms, 2 * (_DEGREE + 1)))
    turn = 1j ** np.arange(terms)[:, None]
    for j in range(count):
        one = turn * every[j : j + terms]
        out[j, 0, :, ::2], out[j, 0, :, 1::2] = one.real, -one.imag
        out[j, 1, :, ::2], out[j, 1, :, 1::2] = one.imag, one.real
    return out


def _waves(wave: np.ndarray, delta: np.ndarray, count: int) -> np.ndarray:
    """Coefficients (count, 2, k, K) of u^j cos and u^j sin of (κ+δ)u, j < count."""
    terms = _TERMS - count + 1
    powers = np.empty((terms, delta.size))
    powers[0] = 1
    for r in range(1, terms):
        powers[r] = powers[r - 1] * (delta / r)
    if wave.ndim == 2:
        return np.asarray(powers.T @ (_expansion(count) @ wave))
    weights = (powers.T @ _expansion(count)).reshape(2 * count, delta.size, -1)
    found = np.matmul(weights.swapaxes(0, 1), wave).swapaxes(0, 1)
    return found.reshape(count, 2, *found.shape[1:])


def _moved(columns: list[np.ndarray], u0: np.ndarray) -> list[np.ndarray]:
    """(u − u0)^j f from u^i f."""
    if not np.any(u0):
        return list(columns)
    shift = -u0[:, None]
    return [
        sum((comb(j, i) * shift ** (j - i) * columns[i] for i in range(j + 1)), start=np.zeros_like(columns[0]))
        for j in range(len(columns))
    ]
