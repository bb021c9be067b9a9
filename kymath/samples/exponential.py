"""Exponentials in windows: C + A e^{Bs} by variable projection, and amplitudes that vary inside the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np

from ..errors import Status
from .compress import Block, Frames, legendre, power_to_legendre
from .noise import pseudo_residuals
from .projection import Linear, dot, projected, refine_along

_REACH = 8.0  # |B·half| at most: beyond, a window holds more than sixteen e-folds
_DEGREE = 36  # Legendre degree that holds e^{8u} u^6 to rounding
_TERMS = 64  # of the power series of e^{βu}
_KEPT = 20  # coefficients of a window
_EXCESS = 3 * 3.3**0.5  # three standard deviations of a window's residual variance, over that of pseudo-residuals
_EVERY = _EXCESS * 5 / 3  # five, in the window that holds all of the series
_BEYOND = 4.0  # σ²: the square of a coordinate beyond the order of which half is taken
_SAMPLES = 4000  # that the choice of widths looks at, at least: twenty between its nodes


@dataclass(frozen=True)
class Answer:
    """θ (p, k) of some windows and how it moves with the orthonormal coordinates: ``lever`` (p, k) is the standard
    error for σ = 1; ``rest`` (k,) the energy left, ``freedom`` (k,) its degrees, ``signal`` (k,) what the family
    explains beyond a constant (a length, like σ), ``doubt`` the flags (k, d), True where one holds."""

    theta: np.ndarray
    lever: np.ndarray
    rest: np.ndarray
    freedom: np.ndarray
    signal: np.ndarray
    doubt: np.ndarray


@dataclass(frozen=True)
class ExponentialWindows:
    """y ≈ c + (a_0 + a_1 v + … + a_q v^q) e^{βv} =: f with v = u − u(at), and B = f″/f′, A = f′²/f″, C = f − A there.

    β is that of the plain exponential by variable projection; at it a_1 = 0, so q = 1 **is** the plain exponential,
    with its covariance. Higher q let the rate vary inside the window. B is read from f″/f′, the osculating limit, and
    not from a_1/a_0: where the amplitude may bend, only derivatives tell it from the constant.
    """

    noise: np.ndarray | None = None  # cumulative σ² of the samples: windows that leave more are in doubt

    plain = 1
    orders_auto = (1, 2, 3, 4, 5, 6)
    ends = True  # whether the ends of the series choose for themselves
    more = 1  # orders above the chosen one that are reported
    doubted = True  # whether the step to the order above that widens the error
    tames = True  # whether what is told shrinks the last terms, which may be noise
    rate = 1  # where in θ the rate stands
    size = _KEPT
    wave = False
    least = 4
    flags = (
        (Status.NO_CONTACT, "straight to rounding: use Linear() there"),
        (Status.NO_CONTACT, "the rate lies beyond eight e-folds in half a window: take a narrower one"),
    )
    weak = (Status.NOT_UNIQUE, "flat within the noise: any B does as well")
    vague = (
        Status.NO_CONTACT,
        "straight within the noise (the rate's error is above half the rate): use Linear() or a wider window",
    )

    names = ("A", "B", "C")

    def value(self, theta: np.ndarray) -> np.ndarray:
        """The curve at s = 0."""
        return theta[0] + theta[2]

    def unfold(self, theta: np.ndarray, step: float) -> np.ndarray:
        """Along equally spaced points, what is smooth: f, f″, f′. A and B have poles where f″ or f′ vanishes."""
        slope = theta[0] * theta[1]
        return np.array([theta[0] + theta[2], slope * theta[1], slope])

    def fold(self, smooth: np.ndarray) -> np.ndarray:
        rate = smooth[1] / smooth[2]
        size = smooth[2] / rate
        return np.array([size, rate, smooth[0] - size])

    def unfiltered(self, theta: np.ndarray, error: np.ndarray, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """θ and errors before Σ_j w_j y(t − lag_j), ``lags`` (2, j) the lags and the w_j, which sum to one."""
        theta, error = theta.copy(), error.copy()
        response = np.exp(-theta[1][:, None] * lags[0]) @ lags[1]
        theta[0], error[0] = theta[0] / response, error[0] / np.abs(response)
        return theta, error

    def units(self, theta: np.ndarray) -> np.ndarray:
        """Times these the errors of θ are smooth too; the rate's is then that of f″."""
        slope = theta[0] * theta[1]
        bend = slope * theta[1]
        return np.abs([bend**2, slope, bend**2])

    def unsure(self, theta: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The rate's relative error, or half the amplitude's where that is larger."""
        return np.maximum(error[1] / np.abs(theta[1]), error[0] / np.abs(theta[0]) / 2)

    def waived(self, flag: int) -> bool:
        """Whether a flag is no objection to a rate that is known well."""
        return False

    def thinning(self, t: np.ndarray, y: np.ndarray, least: int, most: int) -> int:
        """How many neighbours may be averaged: as many in all windows, whose residuals are compared."""
        return least

    def coarser(self, t: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The series for the choice of widths: means of neighbours, where there are many."""
        group = max(1, t.size // _SAMPLES)
        whole = t.size // group * group
        return t[:whole].reshape(-1, group).mean(axis=1), y[:whole].reshape(-1, group).mean(axis=1)

    def knowing(self, t: np.ndarray, y: np.ndarray) -> ExponentialWindows:
        """The same, with the noise of a series whose noise is white: by pseudo-residuals, wherever it varies."""
        squares = np.maximum(pseudo_residuals(t, y[:, None], 2)[:, 0] ** 2, (1e-9 * np.ptp(y)) ** 2)
        return replace(self, noise=np.concatenate([[0.0], np.cumsum(np.pad(squares, 2, "edge"))]))

    def basis(self, u: np.ndarray, carrier: Any) -> np.ndarray:
        return legendre(u, _DEGREE)

    def carriers(self, t: np.ndarray, y: np.ndarray, windows: Frames, order: int) -> np.ndarray:
        """None needed: polynomials hold every exponential within reach."""
        return np.zeros(windows.lo.size)

    def powers(self, beta: np.ndarray, shift: int = 0) -> np.ndarray:
        """β^(r−shift) / (r−shift)! for r < as many terms as the largest β needs, 0 below: (k, terms)."""
        terms = min(_TERMS, 16 + int(4.5 * np.max(np.abs(beta), initial=0.0)))
        out = np.zeros((terms, beta.size))
        out[shift] = 1
        for r in range(shift + 1, terms):
            np.multiply(out[r - 1], beta, out=out[r])
            out[r] /= r - shift
        return out.T

    def curve(self, beta: np.ndarray, shift: int = 1) -> np.ndarray:
        """Power series in u of (e^{βu} − 1) / β, which is smooth through β = 0; with shift 2 of its β-derivative."""
        out = self.powers(beta, shift)
        out[:, 1:] /= np.arange(1, out.shape[1])
        return out

    def members(self, block: Block, beta: np.ndarray, count: int) -> list[np.ndarray]:
        """Coefficients (k, K) of u^j e^{βu}, j < count."""
        table, plain = power_to_legendre(_TERMS, _DEGREE), self.powers(beta)
        terms = plain.shape[1] - count + 1
        return _combined(block, plain[:, :terms], _tables(block, [table[j : j + terms] for j in range(count)]))

    def locate(self, block: Block, carrier: np.ndarray, order: int) -> np.ndarray:
        """β = B·half of every window: the best of a dictionary, or one between neighbours', then Gauss–Newton."""
        table = power_to_legendre(_TERMS, _DEGREE)
        c = block.c[:, 1:]
        by_power = np.arange(1, _TERMS)[:, None]  # of (e^{βu} − 1) / β and of its derivative by β
        both = _tables(block, [table[1:-1] / by_power[:-1], table[2:] / by_power[1:]])
        rates = np.linspace(-_REACH, _REACH, 64)

        def starts(places: np.ndarray) -> np.ndarray:
            words = self.curve(rates)
            words = words @ table[: words.shape[1]]
            many = np.matmul(words, block.matrix if block.matrix.ndim == 2 else block.matrix[places])[..., 1:]
            size = np.sqrt(np.einsum("...dj,...dj->...d", many, many))
            return rates[np.argmax(np.abs(np.matmul(many, c[places][..., None])[..., 0]) / size, axis=1)]

        def columns(places: np.ndarray, beta: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
            plain = self.powers(beta)[:, : _TERMS - 2]
            curve, slope = _combined(block, plain, both, places)
            return [curve[:, 1:]], [slope[:, 1:]]

        bound = np.full(len(c), _REACH)
        return refine_along(projected(c, columns), starts, -bound, bound, block.way)

    def answers(
        self,
        block: Block,
        windows: Frames,
        beta: np.ndarray,
        carrier: np.ndarray,
        orders: Sequence[int],
        tamed: bool = False,
    ) -> dict[int, Answer]:
        """θ for every order: the columns of one are the first of the next. ``tamed``: see ``_tamed``."""
        u0, top = windows.origin, max(orders)
        powers = self.members(block, beta, top + 1)
        scale = np.exp(-beta * u0)[:, None]
        columns = []
        for j in range(top + 1):  # v^j e^{βv} from u^i e^{βu}
            terms = (comb(j, i) * (-u0[:, None]) ** (j - i) * powers[i] for i in range(j + 1))
            columns.append(scale * sum(terms, start=np.zeros_like(powers[0])))
        fit = Linear(block.c[:, 1:], [one[:, 1:] for one in columns])
        # the constant takes what the columns leave of the first coordinate
        shares = np.array([column[:, 0] for column in columns]) / block.matrix[..., 0, 0]
        found = {q: self._answer(block, windows, beta, q, fit.first(q + 1), shares[: q + 1]) for q in orders}
        return self._tamed(block, windows, beta, fit, shares, found) if tamed else found

    def _tamed(
        self, block: Block, windows: Frames, beta: np.ndarray, fit: Linear, shares: np.ndarray, found: dict[int, Answer]
    ) -> dict[int, Answer]:
        """Of two orders, with the last coordinate z of either shrunk, by z² / (z² + σ²) and by z⁴ / (z⁴ + (4 σ²)²): one
        that is none but noise costs less then, and one that stands out stays. Their errors are those of the two orders
        as they are, taken there."""
        low, high = sorted(found)
        noise = found[low].rest / found[low].freedom
        z = fit.z.copy()
        own, beyond = (noise / (z[j] ** 2 + 1e-300) for j in (low, high))
        z[low] /= 1 + own
        z[high] /= 1 + (_BEYOND * beyond) ** 2
        spread = fit.spread
        theta, by = self._parameters(block, windows, beta, np.einsum("pjk,jk->pk", spread, z), spread, shares)
        squares = np.cumsum(by**2, axis=1)
        squares[2] += 1 / block.matrix[..., 0, 0] ** 2
        step = by[:, high] * fit.z[high]
        return {
            low: replace(found[low], theta=theta, lever=np.sqrt(squares[:, low])),
            high: replace(found[high], theta=theta + step, lever=np.sqrt(squares[:, high])),
        }

    def _parameters(
        self, block: Block, windows: Frames, beta: np.ndarray, x: np.ndarray, spread: np.ndarray, shares: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """θ (3, k) of the coefficients x (p, k), and its derivatives (3, p, k) by the orthonormal coordinates."""
        half = windows.half
        first = np.zeros(len(x))[:, None] + 0 * beta  # f′ and f″ by the coefficients, in units of u
        second = first.copy()
        first[0], first[1] = beta, 1
        second[0], second[1] = beta**2, 2 * beta
        second[2:3] = 2
        f1, f2 = (first * x).sum(axis=0), (second * x).sum(axis=0)
        rate, size = f2 / f1, f1 * f1 / f2
        by_rate = (second - rate * first) / f1
        by_size = (2 * f1 * first - size * second) / f2
        value = block.c[:, 0] / block.matrix[..., 0, 0] - (shares * x).sum(axis=0) + block.level + x[0]
        by_constant = -shares - by_size
        by_constant[0] += 1
        theta = np.array([size, rate / half, value - size])
        by = np.array([by_size, by_rate / half, by_constant])
        return theta, np.einsum("apk,pjk->ajk", by, spread)

    def _answer(
        self, block: Block, windows: Frames, beta: np.ndarray, order: int, fit: Linear, shares: np.ndarray
    ) -> Answer:
        theta, by = self._parameters(block, windows, beta, fit.x, fit.spread, shares)
        squares = (by**2).sum(axis=1)
        squares[2] += 1 / block.matrix[..., 0, 0] ** 2
        doubt = np.array([np.abs(beta) < 1e-8, np.abs(beta) > 0.999 * _REACH]).T
        rest = dot(fit.rest, fit.rest)
        if self.noise is not None:
            usual = (self.noise[windows.hi] - self.noise[windows.lo]) / windows.count
            every = windows.count == self.noise.size - 1  # one draw for all windows
            most = usual * (1 + np.where(every, _EVERY, _EXCESS) / np.sqrt(windows.count))
            doubt[:, 1] |= (rest + block.outside) / freedom(block, order + 2) > most
        signal = np.sqrt(np.maximum(dot(fit.z.T, fit.z.T), 0))
        return Answer(theta, np.sqrt(squares), rest + block.outside, freedom(block, order + 2), signal, doubt)


def _tables(block: Block, tables: Sequence[np.ndarray]) -> np.ndarray:
    """Power series in Legendre polynomials; in a block's coefficients where its windows share them."""
    return np.stack([one @ block.matrix if block.matrix.ndim == 2 else one for one in tables])


def _combined(
    block: Block, weights: np.ndarray, tables: np.ndarray, places: np.ndarray | None = None
) -> list[np.ndarray]:
    """Coefficients (k, K) of what ``weights`` (k, terms) make of each of the tables, at some places of a block."""
    terms, matrix = weights.shape[1], block.matrix
    if matrix.ndim == 2:
        return list(weights @ tables[:, :terms])
    reach = terms + len(tables)  # no degree beyond in so many terms
    matrix = matrix[:, :reach]
    if places is not None and places.size < len(matrix):
        matrix = matrix[places]
    return list(np.matmul((weights @ tables[:, :terms, :reach]).swapaxes(0, 1), matrix).swapaxes(0, 1))


def freedom(block: Block, used: int) -> np.ndarray:
    """Degrees of freedom left; only those inside the coefficients where what lies outside is rounding."""
    kept = np.minimum(block.c.shape[1], block.count)
    return np.maximum(np.where(block.outside > 0, block.count, kept) - used, 0)
